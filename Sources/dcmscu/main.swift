import CommandLineInterface
import Glibc

exit(CommandLineInterface.run(arguments: CommandLine.arguments))
