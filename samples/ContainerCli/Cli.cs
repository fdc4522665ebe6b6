using System.CommandLine;
using System.CommandLine.Parsing;
using ContainerCli.Commands;
using ContainerCli.Output;
using Containers;

namespace ContainerCli;

/// <summary>All commands, and what their failures are to the shell: 125 of our own, 126 and 127 of the command, as docker has them.</summary>
internal static class Cli
{
    /// <summary>What `run` returns when it was not the command that failed.</summary>
    public const int Failed = 125;

    public static Option<string?> Store { get; } = new("--store") { Description = "The directory that images are kept in", HelpName = "DIR", Recursive = true };

    public static ImageStore StoreOf(ParseResult parsed) => new(parsed.GetValue(Store)) { Registries = RegistryFlags.Of(parsed) };

    public static async Task<int> RunAsync(string[] args)
    {
        RootCommand root = new("""
            Containers without a daemon: an image goes in, a process in a container of its own comes out.

            An image is named as podman and skopeo do: debian:12, registry.example:5000/app@sha256:…, docker-archive:FILE,
            oci:DIR, oci-archive:FILE, dir:DIR, rootfs:DIR, or a path that begins with / or ./

            Examples:
              containers run -it --rm debian:12 bash
              containers run --memory 256m --net none -v "$PWD:/src:ro" debian:12 sh -c 'ls /src'
              containers pull localhost:5000/app:1 && containers images
              containers explain debian:12          # the commands that would build the same container by hand
              containers doctor                     # what this host can do, and what would give the rest
            """);
        root.Options.Add(Store);
        RegistryFlags.AddTo(root);
        foreach (Command command in (IEnumerable<Command>)[
            RunCommand.Create(), ExplainCommand.Create(), PullCommand.Create(), PushCommand.Create(), ListCommand.Create(), InspectCommand.Create(), HistoryCommand.Create(),
            TagCommand.Create(), RemoveCommand.Create(), SaveCommand.Create(), LoadCommand.Create(), BuildFromCommand.Create(), DiffCommand.Create(),
            PruneCommand.Create(), UsageCommand.Create(), VerifyCommand.Create(), DoctorCommand.Create()])
        {
            root.Subcommands.Add(command);
        }

        ParseResult parsed;
        try
        {
            parsed = root.Parse(PassThrough.Arrange(root, args));
        }
        catch (ArgumentException exception)
        {
            Screen.Error(exception.Message);
            return Failed;
        }

        bool runs = parsed.CommandResult.Command.Name is "run" or "diff";
        if (parsed.Errors.Count > 0)
        {
            foreach (ParseError error in parsed.Errors)
            {
                Screen.Error(error.Message);
            }

            Console.Error.WriteLine($"See: containers {(parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ")}--help");
            return runs ? Failed : 1;
        }

        if (parsed.CommandResult.Command is RootCommand)
        {
            foreach (Command command in root.Subcommands)
            {
                command.Description = command.Description?.Split(". ")[0].Split(".\n")[0].TrimEnd('.') + "."; // of each its first sentence
            }
        }

        using Interrupt interrupt = new();
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupt.Token);
        }
        catch (CommandNotFoundException exception)
        {
            Screen.Error(exception.Message);
            return exception.ExitCode;
        }
        catch (CommandNotExecutableException exception)
        {
            Screen.Error(exception.Message);
            return exception.ExitCode;
        }
        catch (Exception exception) when (exception is ContainerException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            Screen.Error(exception.Message);
            return runs ? Failed : 1;
        }
        catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
        {
            Screen.Error("interrupted");
            return 130;
        }
    }
}
