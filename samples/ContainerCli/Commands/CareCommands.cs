using System.CommandLine;
using ContainerCli.Output;
using Containers;

namespace ContainerCli.Commands;

/// <summary>prune: what nobody needs.</summary>
internal static class PruneCommand
{
    public static Command Create()
    {
        Option<bool> all = new("--all", "-a") { Description = "Images that have names, too, unless something uses them" };
        Command command = new("prune", "Removes from the store what nobody needs: images without a name, layers without an image, what was interrupted and is old.") { all };
        command.SetAction(async (parsed, cancellation) =>
        {
            PruneResult result = await Cli.StoreOf(parsed).PruneAsync(new PruneOptions { All = parsed.GetValue(all) }, cancellation);
            foreach (string name in result.Names)
            {
                Console.Out.WriteLine($"Untagged: {name}");
            }

            foreach (string image in result.Images)
            {
                Console.Out.WriteLine($"Deleted: {image}");
            }

            Console.Out.WriteLine($"{result.Layers} layers removed, {Quantities.Size(result.FreedBytes)} freed");
            return 0;
        });
        return command;
    }
}

/// <summary>df: what the store takes.</summary>
internal static class UsageCommand
{
    public static Command Create()
    {
        Command command = new("df", "Tells what the store takes on the disk, by images, and what `prune` would free.");
        command.SetAction(async (parsed, cancellation) =>
        {
            StoreUsage usage = await Cli.StoreOf(parsed).DiskUsageAsync(cancellation);
            Columns table = new("IMAGE", "ID", "SIZE", "OF IT SHARED", "IN USE");
            foreach (ImageUsage image in usage.Images)
            {
                table.Add(image.Names is [{ } name, ..] ? name : "<none>", Quantities.Short(image.Id), Quantities.Size(image.Bytes), Quantities.Size(image.SharedBytes), image.IsInUse ? "yes" : "no");
            }

            table.Print();
            Console.Out.WriteLine($"{Quantities.Size(usage.TotalBytes)} in all: layers {Quantities.Size(usage.LayerBytes)}, running containers {Quantities.Size(usage.RunningBytes)}, unfinished {Quantities.Size(usage.UnfinishedBytes)}; can be freed: {Quantities.Size(usage.ReclaimableBytes)}");
            return 0;
        });
        return command;
    }
}

/// <summary>verify: whether all is as it was when it came.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Option<bool> repair = new("--repair") { Description = "Removes what is damaged, so that the next pull or load makes it again" };
        Command command = new("verify", "Checks every layer of the store against its digest. Returns 1 when something is damaged and stays so.") { repair };
        command.SetAction(async (parsed, cancellation) =>
        {
            StoreVerification found = await Cli.StoreOf(parsed).VerifyAsync(parsed.GetValue(repair), cancellation);
            foreach (StoreProblem problem in found.Problems)
            {
                Console.Out.WriteLine($"{(problem.IsRepaired ? "repaired" : "damaged")}: {problem.Place}: {problem.Description}");
            }

            Console.Out.WriteLine($"{found.Images} images, {found.Layers} layers, {found.Problems.Count} problems");
            return found.IsSound ? 0 : 1;
        });
        return command;
    }
}

/// <summary>save: an image to a file or directory.</summary>
internal static class SaveCommand
{
    public static Command Create()
    {
        Argument<string> image = new("IMAGE") { Description = "A name or id of the store" };
        Option<string> output = new("--output", "-o") { Description = "docker-archive:FILE, oci:DIR, oci-archive:FILE or dir:DIR; a bare path is a docker archive", HelpName = "WHERE", Required = true };
        Option<LayerCompression?> compression = new("--compression") { Description = "What layers are compressed with" };
        Command command = new("save", """
            Writes an image to a file or directory that docker, podman, skopeo, buildah and umoci read. The same image gives the same bytes.

              containers save app:1 -o app.tar
              containers save app:1 -o oci:layout:1 --compression zstd
            """) { image, output, compression };
        command.SetAction(async (parsed, cancellation) =>
        {
            string name = parsed.GetValue(image)!, where = parsed.GetValue(output)!;
            Image found = Cli.StoreOf(parsed).Get(name) ?? throw new ImageException($"There is no image \"{name}\" in the store.", $"`containers pull {name}` fetches it.");
            bool hasTransport = where.Split(':')[0] is "docker-archive" or "oci" or "oci-archive" or "dir" && where.Contains(':', StringComparison.Ordinal);
            Console.Out.WriteLine(await found.SaveAsync(hasTransport ? where : "docker-archive:" + where, new SaveOptions { Compression = parsed.GetValue(compression) }, cancellation));
            return 0;
        });
        return command;
    }
}

/// <summary>diff: what a command changes.</summary>
internal static class DiffCommand
{
    public static Command Create()
    {
        ContainerFlags flags = new();
        Option<string?> commit = new("--commit") { Description = "Makes an image of the changes, under this name", HelpName = "NAME" };
        Option<string?> message = new("--message") { Description = "What is said of it in the image's history", HelpName = "TEXT" };
        Command command = new("diff", """
            Runs a command as `run` does, and lists what it has changed in the root when it ends: A added, C changed, D deleted. Its own
            output goes to standard error. With --commit the changes become a layer of a new image.

              containers diff debian:12 sh -c 'echo hi > /etc/motd; rm /etc/issue'
              containers diff --net bridge --commit debian:with-curl debian:12 sh -c 'apt-get update && apt-get install -y curl'
            """);
        command.Options.Add(commit);
        command.Options.Add(message);
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            ImageStore store = Cli.StoreOf(parsed);
            Image image = await Images.GetAsync(store, parsed.GetValue(flags.Image)!, PullPolicy.Missing, null, quiet: false, cancellation);
            ContainerBuilder container = flags.Build(parsed, image, store);
            await flags.EnterScopeAsync(parsed, cancellation);
            await using Container started = await container.WithStandardStreams(StandardStream.Null, StandardStream.Pipe, StandardStream.Inherit).StartAsync(cancellation);
            using IDisposable signals = Interrupt.GiveTo(started);
            using Stream error = Console.OpenStandardError();
            await started.StandardOutput!.CopyToAsync(error, CancellationToken.None);
            ContainerExit exit = await started.WaitAsync(CancellationToken.None);
            foreach (ContainerChange change in await started.ChangesAsync(CancellationToken.None))
            {
                Console.Out.WriteLine(change);
            }

            if (parsed.GetValue(commit) is { } name)
            {
                if (!exit.IsSuccess)
                {
                    Screen.Error($"the command {exit}: no image is made of that");
                    return exit.ExitCode;
                }

                Image made = await started.CommitAsync(name, new CommitOptions { Comment = parsed.GetValue(message) }, CancellationToken.None);
                await Console.Error.WriteLineAsync($"{made.Id} {name}");
            }

            return exit.ExitCode;
        });
        return command;
    }
}
