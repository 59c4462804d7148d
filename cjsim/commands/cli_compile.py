"""The `compile` command, which compiles all kernels ahead of the first run."""

from cjsim.commands import options
from cjsim.commands.console import print_output, progress_bar, record_table, with_exit_codes


@with_exit_codes
def compile(as_json: options.Json = False, table_format: options.Format = None) -> None:  # noqa: A001 - the name of the command
    """Compile the simulation kernels, so that the first run does not have to.

    This takes a few minutes, once per machine and version. The command prints the folder that contains the compiled kernels. To use another
    folder, set the environment variable CJSIM_CACHE.

    Example: cjsim compile
    """
    from cjsim.kernel import cache_folder
    from cjsim.simulation.kernel_compilation import ALL_KERNELS, compile_kernels

    with progress_bar() as progress:
        compiled = compile_kernels(ALL_KERNELS, progress)
    content = {"kernels": len(ALL_KERNELS), "compiled": compiled, "cache": str(cache_folder())}
    result = f"Compiled {compiled} kernels" if compiled else f"All {len(ALL_KERNELS)} kernels are already compiled"
    text = f"{result}, in this folder:\n{cache_folder()}"
    print_output(as_json, table_format, text=lambda: text, content=lambda: content, table=lambda: record_table([content]))
