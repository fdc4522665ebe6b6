using System.CommandLine;
using ContainerCli.Output;
using Containers;

namespace ContainerCli.Commands;

/// <summary>pull: an image from a registry to the store.</summary>
internal static class PullCommand
{
    public static Command Create()
    {
        Argument<string> image = new("IMAGE") { Description = "The image" };
        Option<string?> platform = new("--platform") { Description = "Which machine's image: linux/arm64", HelpName = "OS/ARCH" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "No progress, only the image's id" };
        Command command = new("pull", """
            Fetches an image and unpacks it while it comes. What was there is not fetched again, and what was interrupted goes on where
            it stopped. Prints the image's id.

              containers pull debian:12
              containers pull --platform linux/arm64 registry.example:5000/app@sha256:…
            """) { image, platform, quiet };
        command.SetAction(async (parsed, cancellation) =>
        {
            Image pulled = await Images.GetAsync(Cli.StoreOf(parsed), parsed.GetValue(image)!, PullPolicy.Always, parsed.GetValue(platform), parsed.GetValue(quiet), cancellation);
            Console.Out.WriteLine(pulled.Id);
            return 0;
        });
        return command;
    }
}

/// <summary>push: an image to a registry.</summary>
internal static class PushCommand
{
    public static Command Create()
    {
        Argument<string> source = new("IMAGE") { Description = "What is pushed: a name of the store, or oci:DIR, docker-archive:FILE …" };
        Argument<string?> destination = new("DESTINATION") { Description = "Its name in the registry; the image's own when it is left out", Arity = ArgumentArity.ZeroOrOne };
        Option<bool> all = new("--all-platforms") { Description = "The images of all machines that a layout has, with their index" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "No progress, only the digest" };
        Command command = new("push", """
            Sends an image to a registry. What the registry has is not sent again. Prints the manifest's digest.

              containers push app:1 localhost:5000/team/app:1
              containers push --all-platforms oci:build:1 localhost:5000/team/app:1
            """) { source, destination, all, quiet };
        command.SetAction(async (parsed, cancellation) =>
        {
            string from = parsed.GetValue(source)!, to = parsed.GetValue(destination) ?? from;
            ImageStore store = Cli.StoreOf(parsed);
            Console.Out.WriteLine(await TransferDisplay.ShowAsync(progress => store.PushAsync(from, to, new PushOptions { Progress = progress, AllPlatforms = parsed.GetValue(all) }, cancellation), parsed.GetValue(quiet)));
            return 0;
        });
        return command;
    }
}

/// <summary>load: an archive or a directory to the store.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        Argument<string> path = new("ARCHIVE") { Description = "What `docker save`, skopeo or buildah wrote: a path, docker-archive:FILE, oci:DIR, oci-archive:FILE, dir:DIR" };
        Command command = new("load", """
            Unpacks an image of a file or directory into the store, under the names that it has there. Prints its id.

              docker save app:1 > app.tar; containers load ./app.tar
            """) { path };
        command.SetAction(async (parsed, cancellation) =>
        {
            Image image = await Cli.StoreOf(parsed).LoadAsync(parsed.GetValue(path)!, cancellation);
            Console.Out.WriteLine($"{image.Id} {image.Name}");
            return 0;
        });
        return command;
    }
}
