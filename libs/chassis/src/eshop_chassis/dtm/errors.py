"""What DTM's errors mean to callers, and the answers that DTM is given."""

import aiodtm
from eshop_chassis.hooks import away, translates
from protoc_gen_fastapi.runtime import Refused, RpcError, StillRunning


@translates(aiodtm.BranchRefused)
def _refused(error: aiodtm.BranchRefused) -> RpcError:
    return Refused(error.short, short=error.short)


@translates(aiodtm.BranchRunning)
def _running(error: aiodtm.BranchRunning) -> RpcError:
    return StillRunning(str(error))


@translates(aiodtm.DtmUnavailable, aiodtm.DtmFailure)
def _dtm_away(error: aiodtm.AiodtmError) -> RpcError:
    return away("DTM did not answer", error)


@translates(aiodtm.BarrierInterrupted)
def _interrupted(error: aiodtm.BarrierInterrupted) -> RpcError:
    return away("a part did not answer", error)
