"""The command line: everything an operator does with Kronika."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress

from deploy.printing import Table, print_utf8, printer
from deploy.running import located
from deploy.settings import Settings, SettingsError, load_settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Kronika: a CRM backend that never forgets.",
    pretty_exceptions_enable=False,
)
keys_app = typer.Typer(no_args_is_help=True, help="API keys: who may call, for which tenant.")
policy_app = typer.Typer(no_args_is_help=True, help="Who may see and do what: the policy of a tenant.")
parked_app = typer.Typer(no_args_is_help=True, help="Events that a read model could not take in.")
app.add_typer(keys_app, name="key")
app.add_typer(policy_app, name="policy")
app.add_typer(parked_app, name="parked")
console = printer()

ExportFormat = Literal["csv", "xlsx", "jsonl", "parquet"]
Home = Annotated[Path | None, typer.Option(help="Where the local servers, the lakehouse and the keys live.")]


def here(home: Path | None = None) -> Settings:
    """The settings with the addresses of what runs in the home."""
    return located(load_settings(home=home))


@app.command()
def up(
    home: Home = None,
    port: Annotated[int | None, typer.Option(help="Port of the API.")] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Fill an empty log with the demo company.")] = True,
    demo_scale: Annotated[float, typer.Option(min=0.01, max=10, help="How large that company is.")] = 1.0,
    check: Annotated[bool, typer.Option("--check", help="Start, reach the head of the log, report, stop.")] = False,
) -> None:
    """Start everything and stay until Ctrl-C."""
    from deploy.crew import Crew

    settings = load_settings(home=home, api_port=port)
    crew = Crew(settings.home)  # first, as it imports while we do
    from deploy.up import up as start

    start(settings, crew, demo_scale=demo_scale if demo else None, check=check)


@app.command()
def status(home: Home = None) -> None:
    """What runs, the head of the log, and how far each projection is behind it."""
    from deploy.report import status as show

    show(console, here(home))


@app.command()
def migrate(home: Home = None) -> None:
    """Bring the database to this release (as its owner)."""
    from deploy.migrate import migrate as run

    settings = here(home)
    assert settings.database_url
    run(settings.database_url, settings, console.print)


@app.command()
def api(home: Home = None) -> None:
    """Serve the API alone."""
    from api.app import serve

    serve(here(home))


@app.command()
def worker(name: str, home: Home = None) -> None:
    """Run one worker alone."""
    from workers import WORKERS
    from workers.__main__ import run

    if name not in WORKERS:
        raise SettingsError(f"there is no worker {name}; the workers are {', '.join(WORKERS)}")
    run(name, here(home))


@app.command()
def ask(
    command: Annotated[str | None, typer.Argument(help="Its name; all are listed without one.")] = None,
    body: Annotated[str | None, typer.Argument(help="JSON, or - for standard input; its fields without one.")] = None,
    home: Home = None,
    tenant: Annotated[str, typer.Option(help="For which tenant.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
    key: Annotated[str | None, typer.Option(help="The Idempotency-Key.")] = None,
    if_match: Annotated[int | None, typer.Option(help="The version that the stream must have.", min=0)] = None,
    as_schema: Annotated[bool, typer.Option("--schema", help="The command's body as a JSON schema.")] = False,
) -> None:
    """Send a command, as an operator: the same that HTTP takes, through the same door."""
    from deploy.ask import asked, fields, schema, summaries
    from eventlog.envelope import Caller

    if command is None:
        table = Table("command", "")
        for name, summary in summaries().items():
            table.add_row(name, summary)
        console.print(table)
    elif as_schema:
        console.print_json(data=schema(command))
    elif body is None:
        rows = fields(command)
        table = Table("field", "is", "", title=summaries()[command], title_justify="left")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    else:
        given = sys.stdin.buffer.read() if body == "-" else body.encode()
        answer = asyncio.run(asked(here(home), command, given, Caller(tenant, actor), key, if_match))
        console.print_json(data=answer, default=str)


@app.command("import")
def import_(
    mapping: Annotated[str | None, typer.Argument(help="One that comes with Kronika, or a file of your own.")] = None,
    directory: Annotated[Path | None, typer.Argument(help="Where the files lie.")] = None,
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Decide everything and record nothing.")] = False,
    corrected: Annotated[
        Path | None, typer.Option(help="The failed rows of these files, as --results gave them, corrected.")
    ] = None,
    results: Annotated[Path | None, typer.Option(help="Where to write what came of each row, as CSV.")] = None,
    list_mappings: Annotated[bool, typer.Option("--list-mappings", help="What comes with Kronika.")] = False,
    tenant: Annotated[str, typer.Option(help="For which tenant.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
) -> None:
    """Import files by a mapping. Stopped at any moment, it goes on where it was when it is run again.

    `kronika import schema` tells what a mapping file may hold; `kronika import revert JOB` undoes an import.
    """
    from commands.importing.language.mapping import schema
    from commands.importing.shipped import names
    from deploy.importing import Asked, check_tenant, run, run_revert
    from deploy.serving import collect_rarely
    from eventlog.envelope import Caller

    if list_mappings:
        for name in names():
            console.print(name)
    elif mapping == "schema":
        console.print_json(data=schema())
    elif mapping == "revert" and directory is not None:
        check_tenant(tenant)
        run_revert(here(home), Caller(tenant, actor), str(directory), console)
    elif mapping is None or directory is None:
        raise SettingsError("name a mapping and a directory: kronika import MAPPING DIR (`--help` tells more)")
    else:
        check_tenant(tenant)
        collect_rarely()
        asked = Asked(mapping, directory, dry_run, corrected, Caller(tenant, actor))
        if not run(here(home), asked, results, console):
            raise typer.Exit(1)


@app.command()
def undo(
    events: Annotated[list[str], typer.Argument(help="Their ids, as a history shows them.")],
    home: Home = None,
    reason: Annotated[str | None, typer.Option(help="Why; kept with what undoes them.")] = None,
    tenant: Annotated[str, typer.Option(help="For which tenant.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
    key: Annotated[str | None, typer.Option(help="The Idempotency-Key.")] = None,
) -> None:
    """Undo events by further events; what later changes stand on is listed, and stays."""
    from deploy.undo import undone
    from eventlog.envelope import Caller

    console.print_json(data=asyncio.run(undone(here(home), Caller(tenant, actor), events, reason, key)), default=str)


@app.command()
def replay(
    customer: Annotated[str, typer.Argument(help="Its id.")],
    home: Home = None,
    tenant: Annotated[str, typer.Option(help="Whose it is.")] = "demo",
    json: Annotated[bool, typer.Option("--json", help="One line a step, all at once.")] = False,
) -> None:
    """Walk through a customer's whole life: after each event what changed, and how things stand."""
    from deploy.replay import as_json, steps, walk

    found, token = asyncio.run(steps(here(home), tenant, customer))
    if json:
        for line in as_json(found, token):
            sys.stdout.write(line + "\n")
    else:
        walk(console, found, token, typer.getchar if sys.stdin.isatty() and console.is_terminal else None)


@app.command()
def duplicates(
    home: Home = None,
    tenant: Annotated[str, typer.Option(help="Whose customers.")] = "demo",
    source: Annotated[str | None, typer.Option(help="Of those that this system, or this import, brought.")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="No pair below this.")] = 0.5,
    json: Annotated[bool, typer.Option("--json", help="One line a pair.")] = False,
) -> None:
    """Find the customers that may be one and the same, how likely that is, and why; the likeliest first."""
    from deploy.duplicates import as_json, found, show

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("comparing", total=None)

        def tell(at: int, to: int) -> None:
            progress.update(task, completed=at, total=to)

        pairs = asyncio.run(found(here(home), tenant, source, min_score, tell))
    if json:
        for line in as_json(pairs):
            sys.stdout.write(line + "\n")
    else:
        show(console, pairs)


@app.command()
def export(
    resource: Annotated[str, typer.Argument(help="A list, such as customers, or events.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    home: Home = None,
    format: Annotated[ExportFormat | None, typer.Option(help="Default: what the file ends in, else csv.")] = None,
    filter: Annotated[list[str] | None, typer.Option(help="NAME=VALUE, as the list takes it; repeatable.")] = None,
    sort: Annotated[str | None, typer.Option(help="A column; with a leading - the largest first.")] = None,
    fields: Annotated[str | None, typer.Option(help="Which fields, with commas between.")] = None,
    as_of: Annotated[str | None, typer.Option(help="As it was: a day or a moment.")] = None,
    known_at: Annotated[str | None, typer.Option(help="As it was known: a position or a moment.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose it is.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
) -> None:
    """Write a whole list, or the events, into a file: csv, xlsx, jsonl or parquet."""
    from deploy.export import command, cut_of, format_of
    from deploy.export import export as run
    from eventlog.envelope import Caller

    if out.is_dir():
        raise SettingsError(f"{out} is a directory; name the file to write")
    if not out.parent.is_dir():
        raise SettingsError(f"there is no directory {out.parent} to write {out.name} to")
    settings = here(home)
    cut = asyncio.run(cut_of(settings, as_of, known_at))
    wanted = command(resource, format or format_of(out), filter or [], sort, fields, cut)
    with console.status("exporting, once the read models have what was recorded before"):
        done = asyncio.run(run(settings, Caller(tenant, actor), wanted, out))
    console.print(f"{out}: {done.bytes:,} bytes, sha256 {done.sha256}")


@app.command()
def rebuild(
    name: str,
    home: Home = None,
    accept_difference: Annotated[bool, typer.Option(help="Switch even if the live table differs.")] = False,
) -> None:
    """Build a read model anew beside the live one, compare, and switch, while reads go on."""
    from deploy.migrate import check_name, rebuilt
    from deploy.serving import collect_rarely

    settings = here(home)
    check_name(name)
    assert settings.database_url
    collect_rarely()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"rebuilding {name}", total=None)

        def tell(at: int, to: int) -> None:
            progress.update(task, completed=at, total=to)

        done = asyncio.run(
            rebuilt(settings.database_url, settings, name, accept_difference=accept_difference, progress=tell)
        )
    if done.live is None:
        proof = "the live one was built by another version"
    else:
        proof = "equal to the live one" if done.live == done.rebuilt else f"the live one had {done.live}"
    console.print(f"{name} rebuilt to position {done.position}: {done.rebuilt}; {proof}.")


@app.command()
def reconcile(
    home: Home = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything, rather than the next slice.")] = False,
    customer: Annotated[UUID | None, typer.Option(help="One customer, by its id.")] = None,
    slices: Annotated[int, typer.Option(min=1, help="In how many runs everything has had its turn.")] = 64,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what differs, and heal nothing.")] = False,
    accept_difference: Annotated[bool, typer.Option(help="Heal also where much of it differs.")] = False,
    kafka: Annotated[bool, typer.Option("--kafka/--no-kafka", help="Compare Kafka with the log, too.")] = True,
    resend: Annotated[bool, typer.Option("--resend", help="Publish again what Kafka lacks.")] = False,
    lakehouse: Annotated[bool, typer.Option("--lakehouse", help="Count the lakehouse beside the log instead.")] = False,
    position: Annotated[int | None, typer.Option(min=0, help="With --lakehouse: at which position of the log.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Work out rows of the read models anew from the log, heal those that differ, and compare Kafka with the log; exit
    code 1 when anything was not as it should be. Each run takes the next slice of all customers."""
    if lakehouse:
        return of_lakehouse(here(home), position, json)
    from deploy.reconcile import Wanted, as_json, show
    from deploy.reconcile import reconcile as run

    if all_ and customer:
        raise SettingsError("--all and --customer: one of them at a time")
    wanted = Wanted(slices, all_, customer, not dry_run, accept_difference, kafka, resend and not dry_run)
    settings = here(home)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reconciling", total=None)
        outcome = asyncio.run(run(settings, wanted, lambda at, to: progress.update(task, completed=at, total=to)))
    if json:
        sys.stdout.write(as_json(outcome) + "\n")
    else:
        show(console, outcome)
    if not outcome.as_it_should_be:
        raise typer.Exit(1)


def of_lakehouse(settings: Settings, position: int | None, json: bool) -> None:
    from deploy.reconcile_lakehouse import as_json, reconcile_lakehouse, show

    outcome = asyncio.run(reconcile_lakehouse(settings, position))
    if json:
        sys.stdout.write(as_json(outcome) + "\n")
    else:
        show(console, outcome)
    if not outcome.as_it_should_be:
        raise typer.Exit(1)


@app.command()
def relay(
    home: Home = None,
    from_: Annotated[int, typer.Option("--from", min=1, help="The first position to publish again.")] = 1,
) -> None:
    """Publish the log to Kafka again from a position on, for consumers that lost theirs."""
    from workers.relay import republish

    settings = here(home)
    assert settings.database_url
    assert settings.kafka_bootstrap
    kafka = settings.kafka_client(settings.kafka_bootstrap)
    published = asyncio.run(republish(settings.database_url, kafka, after=from_ - 1))
    console.print(f"{published} events published again.")


@policy_app.command("show")
def policy_show(tenant: str, home: Home = None) -> None:
    """The policy in force, as YAML."""
    from deploy.policy import in_force
    from eventlog.envelope import Caller

    print(asyncio.run(in_force(here(home), Caller(tenant, "operator"))), end="")


@policy_app.command("set")
def policy_set(
    tenant: str,
    file: Annotated[
        Path | None, typer.Argument(help="As `show` prints it; without one, what comes with Kronika.")
    ] = None,
    home: Home = None,
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
) -> None:
    """Have another policy decide from now on; domain/POLICY.md tells how to write one."""
    from deploy.policy import put_in_force
    from eventlog.envelope import Caller

    asyncio.run(put_in_force(here(home), Caller(tenant, actor), file))
    console.print("It decides within five seconds.")


@keys_app.command("create")
def key_create(
    tenant: str,
    actor: str,
    home: Home = None,
    read_only: Annotated[bool, typer.Option(help="The key may read, not write.")] = False,
    administer: Annotated[bool, typer.Option(help="The key may also register users and issue keys.")] = False,
) -> None:
    """Make an operator's key, which is no user's, and show it, this once."""
    from api.keys import create
    from eventlog.keeping import keys_of

    settings = here(home)
    assert settings.database_url
    store = keys_of(settings.database_url, settings.keys_path)
    scopes = ["read"] if read_only else ["read", "write", *(["administer"] if administer else [])]
    console.print(create(settings.database_url, store, tenant, actor, scopes))


@keys_app.command("issue")
def key_issue(
    user: Annotated[UUID, typer.Argument(help="Whose it is to be, by id.")],
    label: Annotated[str, typer.Argument(help="What it is for.")],
    home: Home = None,
    scope: Annotated[list[str] | None, typer.Option(help="read, write or administer; repeatable.")] = None,
    network: Annotated[list[str] | None, typer.Option(help="From where alone it is taken; repeatable.")] = None,
    tenant: Annotated[str, typer.Option(help="Whose user it is.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
) -> None:
    """Issue a key to a user, and show it, this once."""
    from deploy.keys import issued
    from eventlog.envelope import Caller

    wanted = {"user_id": user, "label": label, "scopes": scope or ["read", "write"], "networks": network or []}
    console.print(asyncio.run(issued(here(home), Caller(tenant, actor), wanted)))


@keys_app.command("rotate")
def key_rotate(
    key: Annotated[UUID, typer.Argument(help="A user's key, by its id (`/v1/api-keys` lists them).")],
    home: Home = None,
    overlap_s: Annotated[int, typer.Option(min=0, help="Seconds that the secret before goes on.")] = 24 * 3600,
    tenant: Annotated[str, typer.Option(help="Whose user's it is.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
) -> None:
    """Give a user's key a new secret, and show it, this once."""
    from deploy.keys import rotated
    from eventlog.envelope import Caller

    console.print(asyncio.run(rotated(here(home), Caller(tenant, actor), key, overlap_s)))


@keys_app.command("list")
def key_list(home: Home = None, tenant: str | None = None) -> None:
    """All keys of operators, without their secrets; those of users are at `/v1/api-keys`."""
    from api.keys import listed

    settings = here(home)
    assert settings.database_url
    table = Table("id", "tenant", "actor", "scopes", "created", "revoked")
    for key in listed(settings.database_url, tenant):
        revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
        table.add_row(key.id, key.tenant, key.actor, " ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}", revoked)
    console.print(table)


@keys_app.command("revoke")
def key_revoke(
    id: Annotated[str, typer.Argument(help="An operator's key (12 signs), or a user's (a UUID).")],
    home: Home = None,
    tenant: Annotated[str, typer.Option(help="Of a user's key: whose user.")] = "demo",
    actor: Annotated[str, typer.Option(help="As whom.")] = "operator",
) -> None:
    """End a key; every process notices within seconds."""
    from api.keys import revoke
    from deploy.keys import revoked
    from eventlog.envelope import Caller

    settings = here(home)
    assert settings.database_url
    if len(id) == 36:
        try:
            key_id = UUID(id)
        except ValueError:
            raise SettingsError(f"{id} is no key's id") from None
        asyncio.run(revoked(settings, Caller(tenant, actor), key_id))
    elif not revoke(settings.database_url, id):
        raise SettingsError(f"no key {id} is in force; `kronika key list` shows them")
    console.print(f"{id} is revoked.")


@app.command("issuer")
def issuer_rotate(
    home: Home = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Sign with a new key; the one before stays known.")] = False,
) -> None:
    """The local issuer of tokens for trying out: its clients, and a new key for it."""
    from deploy.issuer import LocalIssuer, refuse_elsewhere

    refuse_elsewhere()
    local = LocalIssuer(load_settings(home=home).home)
    if rotate:
        local.rotate()
    console.print_json(data=local.published())


@parked_app.command("list")
def parked_list(home: Home = None, projection: str | None = None) -> None:
    """What is parked: the event that could not be taken in, and those that wait behind it for the same row."""
    from deploy.parked import all_parked
    from deploy.report import lake_of

    settings = here(home)
    table = Table("read model", "position", "type", "row", "error")
    for one in all_parked(settings, projection):
        table.add_row(one.slot, str(one.position), one.type, one.key, one.error or "waits for the one before")
    with lake_of(settings) as lake:
        for fact in lake.parked():
            if projection in (None, fact["fact"]):
                mend = f"{fact['error']}; mend the code, then: kronika rebuild {fact['fact']}"
                table.add_row(f"lakehouse: {fact['fact']}", str(fact["position"]), fact["type"], "", mend)
    console.print(table)


@parked_app.command("show")
def parked_show(projection: str, position: int, home: Home = None) -> None:
    """One parked event with its envelope and data; personal fields stay sealed."""
    from deploy.parked import shown

    console.print_json(shown(here(home), projection, position))


@parked_app.command("repair")
def parked_repair(
    projection: str,
    position: int,
    reason: Annotated[str, typer.Option(help="Why; kept with the decision.")],
    home: Home = None,
    actor: str = "operator",
) -> None:
    """Let a read model pass this event over, now and in every rebuild; then replay."""
    from deploy.parked import repaired

    repaired(here(home), projection, position, actor, reason)
    console.print(f"{projection} passes over position {position}; run: kronika parked replay {projection}")


@parked_app.command("replay")
def parked_replay(projection: str, home: Home = None) -> None:
    """Take in again what is parked, after a repair or with mended code."""
    from deploy.parked import replayed

    done = replayed(here(home), projection)
    console.print(f"{done.taken_in} events taken in, {done.parked_again} parked again.")


def main() -> None:
    """Run a command; what goes wrong in the expected ways is one clear line and exit code 1."""
    print_utf8()
    try:
        app()
    except Exception as error:
        told = explained(error)
        if told is None:
            raise
        print(told, file=sys.stderr)
        sys.exit(1)


def explained(error: Exception) -> str | None:
    """What is wrong and what to do; None for what nobody expects. It is looked up only when something went wrong, as
    most commands need little of all this."""
    from psycopg import OperationalError
    from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedColumn, UndefinedTable
    from psycopg_pool import PoolTimeout

    from eventlog.errors import LogUnavailable
    from workers.kafka import KafkaAway

    first = str(error).partition("\n")[0]
    match error:
        case OperationalError() | PoolTimeout() | LogUnavailable():
            return (
                "The database does not answer; start it (`kronika up` starts a local one), or name it in"
                f" KRONIKA_DATABASE_URL. {first}"
            )
        case UndefinedTable() | UndefinedColumn() | InvalidSchemaName():
            return f"The database is not what this release needs; run `kronika migrate`. {first}"
        case InsufficientPrivilege():
            return f"Whom KRONIKA_DATABASE_URL names may not do this; the database's owner may. {first}"
        case KafkaAway():
            return f"Kafka (KRONIKA_KAFKA_BOOTSTRAP) cannot be used: {first}"
        case OSError(strerror=str(why), filename=str(file)):
            return f"{file}: {why}"
    return str(error) if isinstance(error, expected()) else None


def expected() -> tuple[type[Exception], ...]:
    """What says by itself what is wrong."""
    from api.keys import UnfitKey
    from commands.importing.language.mapping import MappingError
    from commands.importing.requesting import UnfitDelivery
    from deploy.errors import NotAsPromised
    from deploy.place import CannotStart
    from eventlog.keys import KeyStoreError
    from eventlog.policies import PolicyError
    from eventlog.schema import DatabaseUnfit
    from projections.analytics.lake import LakeAbsent
    from projections.rebuild import AlreadyRebuilding, Differs

    return (
        SettingsError,
        CannotStart,
        NotAsPromised,
        UnfitKey,
        KeyStoreError,
        DatabaseUnfit,
        LakeAbsent,
        AlreadyRebuilding,
        Differs,
        MappingError,
        PolicyError,
        UnfitDelivery,
    )


if __name__ == "__main__":
    main()
