"""The one exception that a user can cause."""


class UserError(Exception):
    """A mistake in a config, an input or the environment.

    The message is one sentence: which field or prompt, what is wrong, what would be right. The command line prints
    it without a traceback and exits with code 2; anything else that is raised is a bug and keeps its traceback.
    """
