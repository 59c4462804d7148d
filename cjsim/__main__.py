"""`python -m cjsim` runs the command-line interface."""

from cjsim.cli import main

if __name__ == "__main__":
    main()
