using System.CommandLine;

namespace ContainerCli;

/// <summary>
/// Options end with the image: what stands behind it is the container's command, with options of its own (sh -c …). To the parser this is said by "--",
/// which nobody writes.
/// </summary>
internal static class PassThrough
{
    private static readonly string[] s_commands = ["run", "explain", "diff"];

    public static string[] Arrange(RootCommand root, string[] args)
    {
        int at = 0;
        Command command = root;
        for (; at < args.Length; at++)
        {
            string argument = args[at];
            if (argument == "--")
            {
                return args;
            }

            if (argument is ['-', _, ..])
            {
                at += OptionOf(root, command, argument) switch
                {
                    { } option => TakesNext(option, argument) ? 1 : 0,
                    null when command == root || argument is "-?" or "-h" or "--help" or "--version" => 0,
                    null => throw new ArgumentException($"There is no option {argument}. (Options of the command stand behind the image.)"),
                };
            }
            else if (command == root && root.Subcommands.FirstOrDefault(one => one.Name == argument) is { } named)
            {
                command = named;
                if (!s_commands.Contains(command.Name))
                {
                    return args;
                }
            }
            else
            {
                return [.. args[..at], "--", .. args[at..]];
            }
        }

        return args;
    }

    private static bool TakesNext(Option option, string argument)
        => !argument.Contains('=', StringComparison.Ordinal) && option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool);

    // Of letters that stand together, "-it", the last one may have a value.
    private static Option? OptionOf(Command root, Command command, string argument)
    {
        string written = argument.Split('=')[0];
        string name = written.StartsWith("--", StringComparison.Ordinal) ? written : "-" + written[^1];
        return root.Options.Concat(command.Options).FirstOrDefault(one => one.Name == name || one.Aliases.Contains(name));
    }
}
