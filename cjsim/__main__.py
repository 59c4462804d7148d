"""`python -m cjsim`: the command line. Nothing else lives here."""

from cjsim.cli import main

if __name__ == "__main__":
    main()
