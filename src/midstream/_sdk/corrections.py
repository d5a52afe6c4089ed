"""Whether corrected errors are requested where a call starts, and what makes them for the installed SDK."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from midstream._corrections import scope

if TYPE_CHECKING:
    from midstream._corrections.errors import Corrections


class RequestedCorrections:
    """Makes the corrected errors of one `instrument()`: for all its calls (`everywhere`), or only inside a scope."""

    def __init__(self, sdk: Any, *, everywhere: bool) -> None:
        self._sdk = sdk
        self._everywhere = everywhere
        self._made: Corrections | None = None

    def here(self) -> Corrections | None:
        """What makes the corrected errors of a call that starts here. `None`: they are not requested."""
        if not self._everywhere and not scope.is_requested_here():
            return None
        if self._made is None:
            from midstream._corrections.errors import Corrections, SdkErrors  # noqa: PLC0415 - few processes need it

            sdk = self._sdk
            errors = SdkErrors(
                self._class_of, sdk.APIConnectionError, sdk.APITimeoutError, sdk.APIResponseValidationError
            )
            self._made = Corrections(errors)
        return self._made

    def _class_of(self, status: int) -> type[Exception]:
        # What the SDK's clients do with a response of that status. They use nothing else of it.
        response = SimpleNamespace(status_code=status, headers={}, request=None)
        made: Exception = self._sdk.Anthropic._make_status_error(None, "", body=None, response=response)  # noqa: SLF001
        return type(made)
