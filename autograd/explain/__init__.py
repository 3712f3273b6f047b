"""Why a gradient is what it is: formulas, chain-rule paths, derivations on paper, and the mistakes people make."""

from ..notation.names import Name as Name
from ..notation.names import latex_name as latex_name
from ..notation.names import name_of as name_of
from ..notation.slopes import DerivationError as DerivationError
from .contributions import Contribution as Contribution
from .contributions import contribution as contribution
from .derivations import Derivation as Derivation
from .derivations import derivation as derivation
from .engines import Mutant as Mutant
from .graded import GradedDerivation as GradedDerivation
from .graded import Judged as Judged
from .graded import check_derivation as check_derivation
from .grading import Grade as Grade
from .grading import mutants as mutants
from .groups import Entry as Entry
from .groups import Groups as Groups
from .ledgers import Ledger as Ledger
from .ledgers import ledger as ledger
from .misconceptions import Diagnosis as Diagnosis
from .misconceptions import diagnose as diagnose
from .paths import Path as Path
from .training import Move as Move
from .training import TrainingLedger as TrainingLedger
from .written import Formula as Formula
from .written import formula as formula
