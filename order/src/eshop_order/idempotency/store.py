"""The SQL about idempotency keys. Every method is given a transaction and never commits."""

from collections.abc import Sequence

from eshop_chassis import KEPT_SECONDS
from eshop_chassis.mysql import Tx, execute, fetch, marks
from eshop_order.idempotency.keys import MOST_FORGOTTEN, Claim, Known
from eshop_order.orders import Final


class KeyStore:
    """`Keys` in MySQL."""

    async def claim(self, tx: Tx, claims: Sequence[Claim]) -> set[str]:
        made = await execute(
            tx,
            "INSERT IGNORE INTO idempotency_key (user_id, idem_key, operation, body, order_id)"
            " VALUES (%s, %s, %s, %s, %s)",
            [(c.user_id, c.key, c.operation, c.body, c.order_id) for c in claims],
        )
        order_ids = {c.order_id for c in claims}
        if made == len(order_ids):
            return order_ids
        rows = await fetch(
            tx, f"SELECT order_id FROM idempotency_key WHERE order_id IN ({marks(order_ids)})", tuple(order_ids)
        )
        return {row[0] for row in rows}

    async def find(self, tx: Tx, claim: Claim, lease_seconds: float) -> Known | None:
        rows = await fetch(
            tx,
            "SELECT k.order_id, k.body, k.answer, k.claimed_at > NOW(6) - INTERVAL %s MICROSECOND,"
            " o.state, o.code, o.reason FROM idempotency_key k LEFT JOIN order_record o ON o.order_id = k.order_id"
            " WHERE k.user_id = %s AND k.idem_key = %s AND k.operation = %s",
            (int(lease_seconds * 1e6), claim.user_id, claim.key, claim.operation),
        )
        return _known(*rows[0]) if rows else None

    async def take_over(self, tx: Tx, order_id: str, lease_seconds: float) -> bool:
        return (
            await execute(
                tx,
                "UPDATE idempotency_key SET claimed_at = NOW(6)"
                " WHERE order_id = %s AND answer = '' AND claimed_at <= NOW(6) - INTERVAL %s MICROSECOND",
                (order_id, int(lease_seconds * 1e6)),
            )
            == 1
        )

    async def let_go(self, tx: Tx, order_id: str) -> None:
        await execute(
            tx, "UPDATE idempotency_key SET claimed_at = '2000-01-01' WHERE order_id = %s AND answer = ''", (order_id,)
        )

    async def answer(self, tx: Tx, answers: Sequence[tuple[str, str]]) -> None:
        await execute(
            tx,
            "UPDATE idempotency_key SET answer = %s WHERE order_id = %s",
            [(answer, order_id) for order_id, answer in sorted(answers)],
        )

    async def forget(self, tx: Tx) -> int:
        return await execute(
            tx,
            "DELETE FROM idempotency_key WHERE created_at < NOW() - INTERVAL %s SECOND ORDER BY created_at LIMIT %s",
            (KEPT_SECONDS, MOST_FORGOTTEN),
        )


def _known(order_id: str, body: str, answer: str, fresh: int, state: str | None, code: str, reason: str) -> Known:
    final = Final(True) if state == "confirmed" else Final(False, code, reason) if state == "cancelled" else None
    return Known(order_id, body, answer, bool(fresh), final)
