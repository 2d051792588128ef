"""What kills a worker in a test: no except clause of FireWorks catches it, as it is with SIGKILL."""


class Killed(BaseException):
    """The end of a worker that does not know of it."""
