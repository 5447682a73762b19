"""`python -m clipstore` is the command `clipstore`."""

from clipstore.cli import main

if __name__ == "__main__":
    main()
