"""What the confirmation says of the claims, beside what exploration says: both are published."""

from dataclasses import replace
from pathlib import Path

from experiments.claims import ledger, protocol
from experiments.claims.ledger import Judged


def judged(results: Path) -> list[Judged]:
    """Every claim with what ``results`` says of it, and with its confirmation where it has run.

    A claim that was added after the confirmation has none. Raises ConfigError where the protocol that the confirmation
    was run by is damaged; FileNotFoundError and ValueError as ``ledger.judge`` does.
    """
    explored, fresh = ledger.judge(results), results / protocol.CONFIRMATORY.name
    if not (fresh / protocol.FILE).exists():
        return explored
    by_protocol, now = protocol.read(fresh / protocol.FILE)["lines"], protocol.lines_of([one.claim for one in explored])
    as_frozen = {claim for claim, lines in by_protocol.items() if now.get(claim) == lines}
    confirmed = {one.claim.id: one for one in ledger.judge(fresh) if one.claim.id in as_frozen}
    return [replace(one, confirmed=confirmed.get(one.claim.id)) for one in explored]
