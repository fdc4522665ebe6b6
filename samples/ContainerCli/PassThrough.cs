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
                at += TakesNext(root, command, argument) ? 1 : 0;
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

    private static bool TakesNext(Command root, Command command, string argument)
    {
        if (argument.Contains('=', StringComparison.Ordinal))
        {
            return false;
        }

        // Of letters that stand together, "-it", the last one may have a value.
        string name = argument.StartsWith("--", StringComparison.Ordinal) ? argument : "-" + argument[^1];
        Option? option = root.Options.Concat(command.Options).FirstOrDefault(one => one.Name == name || one.Aliases.Contains(name));
        return option is { Arity.MaximumNumberOfValues: > 0 } && option.ValueType != typeof(bool);
    }
}
