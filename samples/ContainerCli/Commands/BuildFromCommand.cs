using System.CommandLine;
using Containers;

namespace ContainerCli.Commands;

/// <summary>build-from: an image of a directory.</summary>
internal static class BuildFromCommand
{
    public static Command Create()
    {
        Argument<string> directory = new("DIR") { Description = "What becomes the image's root" };
        Option<string> tag = new("--tag", "-t") { Description = "The image's name", HelpName = "NAME", Required = true };
        Option<string[]> programs = new("--program") { Description = "A program of this machine to put in, with its libraries", HelpName = "PROGRAM" };
        Option<string?> entrypoint = new("--entrypoint") { Description = "The command's fixed beginning", HelpName = "PROGRAM" };
        Option<string[]> cmd = new("--cmd") { Description = "The command, or its arguments: once for each word", HelpName = "WORD" };
        Option<string[]> variables = new("--env", "-e") { Description = "NAME=VALUE", HelpName = "VAR" };
        Option<string?> workdir = new("--workdir", "-w") { Description = "Where the command starts", HelpName = "DIR" };
        Option<string?> user = new("--user", "-u") { Description = "Who the command runs as", HelpName = "USER" };
        Command command = new("build-from", """
            Makes an image whose root is a directory of this machine, with what programs expect (/proc, /tmp, /etc/passwd …) and, if they
            are named, programs of this machine. The same files give the same image, to the byte. Prints its id.

              containers build-from ./site -t site:1 --program busybox --entrypoint busybox --cmd httpd --cmd -f
            """) { directory, tag, programs, entrypoint, cmd, variables, workdir, user };
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageBuilder image = new();
            foreach (string program in parsed.GetValue(programs) ?? [])
            {
                image = image.AddProgram(program);
            }

            image = image.AddTree(parsed.GetValue(directory)!, "/");
            image = parsed.GetValue(entrypoint) is { } first ? image.WithEntrypoint(first) : image;
            image = parsed.GetValue(cmd) is { Length: > 0 } words ? image.WithCommand(words) : image;
            image = parsed.GetValue(workdir) is { } path ? image.WithWorkingDirectory(path) : image;
            image = parsed.GetValue(user) is { } name ? image.WithUser(name) : image;
            foreach (string variable in parsed.GetValue(variables) ?? [])
            {
                image = variable.Split('=', 2) is [{ Length: > 0 } key, { } value] ? image.WithEnvironment(key, value) : throw new ArgumentException($"--env {variable}: write NAME=VALUE.");
            }

            Console.Out.WriteLine((await image.BuildAsync(Cli.StoreOf(parsed), parsed.GetValue(tag)!, cancellation)).Id);
            return 0;
        });
        return command;
    }
}
