"""The demo company's service: tickets from the first question to the last answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from commands import tickets as t
from deploy.demo import words
from deploy.demo.chronicle import DAYS, MAILBOX, Party, Story
from deploy.demo.names import BY_SKU, FIRST_LINE, TECHNICIANS, Product
from deploy.demo.sales import Sales

Kind = Literal["complaint", "question", "repair", "fault"]


class Service(Sales):
    """Makes up tickets."""

    def concern(self, party: Party) -> None:
        """A ticket about something; a faulty batch of grinders makes itself heard in one month."""
        batch = self.start + timedelta(days=DAYS * 0.62)
        if self.chance(0.06) and party.joined < batch < party.last:
            began = batch + timedelta(days=self.rng.triangular(0, 40, 5))
            self.ticket(party, min(began, party.last), "fault", BY_SKU["GR-20"])
            return
        kinds: tuple[Kind, ...] = ("question", "fault", "complaint", "repair")
        kind = self.rng.choices(kinds, (38, 27, 21, 14))[0]
        likely = ("machine", "office", "grinder") if kind in {"fault", "repair"} else ()
        self.ticket(party, self.some_day(party), kind, self.wanted(party, *likely))

    def ticket(self, party: Party, began: datetime, kind: Kind, product: Product) -> None:
        id, rng, language = self.new_id(), self.rng, party.market.language
        agent, technician = rng.choice(FIRST_LINE), rng.choice(TECHNICIANS)
        priorities: tuple[t.Priority, ...] = ("low", "normal", "high", "urgent")
        urgency = rng.choices((0, 1, 2, 3), (15, 60, 19, 6) if kind != "fault" else (5, 45, 35, 15))[0]
        pace = (1.6, 1.0, 0.5, 0.2)[urgency]
        with self.story(began) as story:
            opened = t.OpenTicket(
                ticket_id=id,
                customer_id=party.id,
                kind=kind,
                priority=priorities[urgency],
                channel=rng.choice(("email", "phone", "chat", "web form")),
                subject=words.say(rng, words.CONCERNS[kind], language),
                text=words.say(rng, words.STORIES, language),
                product=product.sku,
                category=product.kind,
                owner=agent if self.chance(0.35) else None,
                team="First line",
            )
            story.then(0, MAILBOX, opened)
            story.utc_offset = party.market.utc_offset  # we answer in working hours
            if opened.owner is None:
                assigned = t.AssignTicket(ticket_id=id, owner=agent, team="First line")
                story.then(self.around(0.02 * pace), agent, assigned)
            if self.chance(0.03):
                self.duplicate(story, id, opened, agent)
            if self.chance(0.015):
                return  # forgotten
            story.then(self.around(0.15 * pace), agent, self.answer(id, language))
            while self.chance(0.4):
                reply = t.ReplyToTicket(ticket_id=id, author="customer", text=words.say(rng, words.REPLIES, language))
                if self.chance(0.45):
                    reason = "waiting for the customer"
                    story.then(0.001, agent, t.PauseTicket(ticket_id=id, reason=reason))
                    if self.chance(0.15):
                        story.then(self.around(4), agent, t.ResumeTicket(ticket_id=id))
                        break
                story.then(self.around(0.6), MAILBOX, reply)
                story.then(self.around(0.2 * pace), agent, self.answer(id, language))
            if urgency < 3 and self.chance(0.05):
                change = t.ChangeTicketPriority(ticket_id=id, priority=priorities[urgency + 1])
                story.then(self.around(0.2), agent, change)
            if self.chance(0.16 if kind == "fault" else 0.04):
                escalated = t.EscalateTicket(ticket_id=id, reason="needs a technician", team="Technical")
                story.then(self.around(0.3), agent, escalated)
                agent = technician
                story.then(self.around(0.2), agent, t.AssignTicket(ticket_id=id, owner=agent, team="Technical"))
                if self.chance(0.5):
                    note = t.ReplyToTicket(ticket_id=id, text=words.say(rng, words.NOTES, language), public=False)
                    story.then(self.around(0.3), agent, note)
            self.end(story, id, agent, language, began)
            while self.chance(0.08):
                reopened = t.ReopenTicket(ticket_id=id, reason="it came back")
                began = story.then(self.around(6), MAILBOX, reopened)
                story.then(self.around(0.2 * pace), agent, self.answer(id, language))
                self.end(story, id, agent, language, began)

    def answer(self, id: UUID, language: str) -> t.ReplyToTicket:
        return t.ReplyToTicket(ticket_id=id, text=words.say(self.rng, words.ANSWERS, language))

    def duplicate(self, story: Story, id: UUID, opened: t.OpenTicket, agent: str) -> None:
        """The customer writes again about the same, on another channel."""
        again = self.new_id()
        story.then(self.around(0.05), MAILBOX, opened.model_copy(update={"ticket_id": again, "channel": "phone"}))
        story.then(self.around(0.1), agent, t.MergeTicket(ticket_id=again, into_id=id))

    def end(self, story: Story, id: UUID, agent: str, language: str, began: datetime) -> None:
        """A cycle ends, mostly resolved and then closed; the longer it took, the less content the customer is."""
        if self.chance(0.03):
            story.then(self.around(20), agent, t.CloseTicket(ticket_id=id))
            return
        resolution = words.say(self.rng, words.RESOLUTIONS, language)
        resolved = story.then(self.around(0.4), agent, t.ResolveTicket(ticket_id=id, resolution=resolution))
        if self.chance(0.35):
            days = (resolved - began) / timedelta(days=1)
            score = min(5, max(1, round(self.rng.gauss(4.7 - days * 0.22, 0.8))))
            comment = words.COMMENTS[score][language] if self.chance(0.4) else None
            said = t.RecordSatisfaction(ticket_id=id, score=score, comment=comment)
            story.then(self.around(0.6), MAILBOX, said)
        if self.chance(0.6):
            story.then(3, agent, t.CloseTicket(ticket_id=id))
