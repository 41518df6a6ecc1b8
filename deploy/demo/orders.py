"""The demo company's orders: placed, shipped, billed, paid, and sometimes given back."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from commands import orders as s
from deploy.demo.chronicle import BOOKS, MAILBOX, SHOP, WAREHOUSE, Chronicle, Party, Story
from deploy.demo.names import Market, Product
from domain.values import cents


class Orders(Chronicle):
    """Makes up orders."""

    def repeat_order(self, party: Party) -> None:
        kinds = () if not party.is_firm or self.chance(0.15) else ("beans", "tea", "accessory", "part", "service")
        self.order(party, self.some_day(party), self.basket(party, *kinds))

    def order(
        self,
        party: Party,
        began: datetime,
        basket: tuple[tuple[Product, int, Decimal], ...],
        from_opportunity: UUID | None = None,
    ) -> None:
        id, market = self.new_id(), party.market
        from_shop = not party.is_firm
        lines = tuple(
            s.OrderLine(
                sku=product.sku,
                description=product.description,
                quantity=Decimal(number),
                unit_price=product.prices[market.currency],
                discount=discount,
                tax_rate=market.tax_rate,
            )
            for product, number, discount in basket
        )
        clerk = SHOP if from_shop else party.owner
        with self.story(began, None if from_shop else market) as story:
            story.then(
                0,
                clerk,
                s.PlaceOrder(
                    order_id=id,
                    customer_id=party.id,
                    opportunity_id=from_opportunity,
                    number=f"S-{self.ids:06}" if from_shop else None,
                    source="shop" if from_shop else None,
                    owner=party.owner,
                    team=party.team,
                    currency=market.currency,
                    lines=lines,
                    wanted_by=(began + timedelta(days=self.around(14, 0.4))).date() if party.is_firm else None,
                    shipping_address=self.address(party.place, "shipping") if self.chance(0.3) else None,
                ),
            )
            if self.chance(0.03):
                lines = tuple(line.model_copy(update={"quantity": line.quantity + 1}) for line in lines)
                story.then(self.around(0.1), clerk, s.AmendOrder(order_id=id, lines=lines))
            if self.chance(0.02):
                story.then(self.around(0.5), clerk, s.CancelOrder(order_id=id, reason="changed their mind"))
                return
            story.then(self.around(0.02 if from_shop else 0.3), clerk, s.ConfirmOrder(order_id=id))
            total = sum((line.gross for line in s.priced(lines)), Decimal(0))
            if from_shop:
                self.pay(story, id, total, market)
            if self.chance(0.04):
                story.then(self.around(0.2), BOOKS, s.HoldOrder(order_id=id, reason="credit check"))
                story.then(self.around(2), BOOKS, s.ReleaseOrder(order_id=id))
            if self.chance(0.03):
                story.then(self.around(0.5), clerk, s.CancelOrder(order_id=id, reason="out of stock"))
                if from_shop:
                    story.then(self.around(2), BOOKS, s.RefundOrder(order_id=id, method=market.methods[0]))
                return
            self.ship(story, id, lines, party)
            billed = story.then(0.02, BOOKS, self.invoice(id, story, party))
            if party.is_firm:
                self.settle(id, billed, total, party)
            if self.chance(0.06 if from_shop else 0.03):
                self.give_back(story, id, lines, party)
            elif self.chance(0.3):
                story.then(self.around(40), BOOKS, s.CloseOrder(order_id=id))

    def ship(self, story: Story, id: UUID, lines: tuple[s.OrderLine, ...], party: Party) -> None:
        """In one go, or line by line when something is not at hand."""
        carrier = self.rng.choice(party.market.carriers)
        in_parts = len(lines) > 1 and self.chance(0.3)
        loads = (
            [(s.LinePart(line=n, quantity=line.quantity),) for n, line in enumerate(lines, 1)] if in_parts else [None]
        )
        for load in loads:
            tracking = f"{carrier[:2].upper()}{self.rng.randrange(10**9):09}"
            parcel = s.ShipOrder(order_id=id, parts=load, carrier=carrier, tracking_number=tracking)
            story.then(self.around(1.2), WAREHOUSE, parcel)
            # The carrier's list comes in days after some deliveries.
            late = self.rng.uniform(0.5, 1.5) if self.chance(0.05) else 0
            story.then(late + self.around(2), WAREHOUSE, s.DeliverOrder(order_id=id, parts=load), late=late)

    def invoice(self, id: UUID, story: Story, party: Party) -> s.InvoiceOrder:
        due = (story.at + timedelta(days=30)).date() if party.is_firm else None
        return s.InvoiceOrder(order_id=id, invoice_number=f"{story.at:%Y}-{self.ids:06}", due_on=due)

    def pay(self, story: Story, id: UUID, total: Decimal, market: Market) -> None:
        """At the till; a few pay with a voucher, too."""
        method, rest = self.rng.choice(market.methods), total
        if self.chance(0.07) and total > 60:
            voucher = Decimal(self.rng.choice((10, 20, 50)))
            story.then(0.001, SHOP, s.RecordPayment(order_id=id, method="voucher", amount=voucher))
            rest -= voucher
        story.then(0.001, SHOP, s.RecordPayment(order_id=id, method=method, amount=rest))

    def settle(self, id: UUID, billed: datetime, total: Decimal, party: Party) -> None:
        """Firms pay the invoice: most in time, some late, some in two halves, a few never."""
        if self.chance(0.04):
            return
        half = cents(total / 2)
        instalments = (half, total - half) if self.chance(0.12) else (total,)
        with self.story(billed, party.market) as story:
            for amount in instalments:
                reference = f"R{self.rng.randrange(10**7):07}"
                payment = s.RecordPayment(order_id=id, method="transfer", amount=amount, reference=reference)
                # The bank's statement is booked some days after the money has arrived.
                late = self.rng.uniform(1, 4) if self.chance(0.1) else 0
                story.then(late + self.around(24, 0.5), BOOKS, payment, late=late)

    def give_back(self, story: Story, id: UUID, lines: tuple[s.OrderLine, ...], party: Party) -> None:
        number = self.rng.randrange(len(lines)) + 1
        parts = (s.LinePart(line=number, quantity=lines[number - 1].quantity),) if self.chance(0.7) else None
        reason = self.rng.choice(("damaged", "not as described", "wrong article", "no longer wanted"))
        back = s.RequestReturn(order_id=id, parts=parts, reason=reason)
        story.then(self.around(6), MAILBOX, back)
        if self.chance(0.9):
            story.then(self.around(6), WAREHOUSE, s.ReceiveReturn(order_id=id))
            method = "transfer" if party.is_firm else party.market.methods[0]
            story.then(self.around(2), BOOKS, s.RefundOrder(order_id=id, method=method))
