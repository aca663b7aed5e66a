"""What goes wrong on the way between DTM and its branches: plans for `InMemoryDtm`."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["lost", "reply_lost", "refused", "late", "crash_before", "crash_after"]
Op = Literal["action", "compensate", "msg"]


@dataclass(frozen=True)
class Fault:
    """One fault at one operation of one step (counted from 1; a check-back is step 0, op "msg"), the first time only.

    lost           the call never reaches the branch; DTM calls again later
    reply_lost     the branch does its work, DTM does not hear of it and calls again later
    refused        the branch answers ABORTED without having seen its barrier, as a middleware might
    late           like lost, but the call arrives after all when the transaction is finished
    crash_before   DTM dies before the call, and comes back with what it had stored
    crash_after    DTM dies after the call, before it stored the answer
    """

    kind: Kind
    step: int
    op: Op = "action"

    def __str__(self) -> str:
        return f"{self.kind} at step {self.step}'s {self.op}"


@dataclass(frozen=True)
class Plan:
    """Faults, and how often each call arrives. `together`: the repetitions arrive at the same time.

    `submit`: what happens to the first Submit. lost: DTM never gets it; reply_lost: DTM does everything, the sender
    does not hear of it; timeout: the sender gives up waiting while DTM goes on.
    """

    faults: tuple[Fault, ...] = ()
    repeat: int = 1
    together: bool = False
    submit: Literal["heard", "lost", "reply_lost", "timeout"] = "heard"

    def __str__(self) -> str:
        words = [str(f) for f in self.faults]
        words += [f"every call {self.repeat} times{' at once' if self.together else ''}"] if self.repeat > 1 else []
        words += [f"submit {self.submit}"] if self.submit != "heard" else []
        return ", ".join(words) or "nothing goes wrong"


@dataclass
class Faults:
    """The faults of one plan, used up one by one."""

    plan: Plan
    left: list[Fault] = field(init=False)
    submit_left: bool = True

    def __post_init__(self) -> None:
        self.left = list(self.plan.faults)

    def take(self, step: int, op: str) -> Kind | None:
        for fault in self.left:
            if (fault.step, fault.op) == (step, op):
                self.left.remove(fault)
                return fault.kind
        return None

    def take_submit(self) -> str:
        first, self.submit_left = self.submit_left, False
        return self.plan.submit if first else "heard"


def every_plan(steps: int) -> list[Plan]:
    """Plans for a saga of `steps` steps, for `pytest.mark.parametrize(..., ids=str)`.

    Each single fault, alone and followed by a refusal of the last step: everything before it is undone then, so that
    late, lost and repeated actions meet their undos.
    """
    plans = [Plan(), Plan(repeat=2), Plan(repeat=2, together=True)]
    plans += [Plan(submit="lost"), Plan(submit="reply_lost"), Plan(submit="timeout")]
    kinds: tuple[Kind, ...] = ("lost", "reply_lost", "late", "crash_before", "crash_after")
    refusal = Fault("refused", steps)
    for step in range(1, steps + 1):
        here = (Fault("refused", step),)
        plans += [Plan(here), Plan(here, repeat=2, together=True)]
        for kind in kinds:
            plans.append(Plan((Fault(kind, step),)))
            plans.append(Plan((Fault(kind, step), refusal)))
            plans.append(Plan((refusal, Fault(kind, step, "compensate"))))
    return plans
