"""What somebody shows beside or in place of a password: codes, recovery codes and passkeys."""

from cruse_auth.factors.ceremonies import PasskeyRefused
from cruse_auth.factors.codes import NewTOTP
from cruse_auth.factors.manager import Factors
from cruse_auth.factors.passkeys import Passkeys
from cruse_auth.factors.pending import LoginStep, PendingLogin
from cruse_auth.factors.store import Factor, FactorStore, MemoryFactors
from cruse_auth.factors.work import LastFactor

__all__ = [
    "Factor",
    "FactorStore",
    "Factors",
    "LastFactor",
    "LoginStep",
    "MemoryFactors",
    "NewTOTP",
    "PasskeyRefused",
    "Passkeys",
    "PendingLogin",
]
