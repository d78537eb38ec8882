import CommandLineInterface
import Glibc

exit(CommandLineInterface.run())
