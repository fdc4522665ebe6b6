using Containers;

namespace Quickstart;

/// <summary>An image of programs of this machine and the libraries they need, as `docker save` would write it.</summary>
internal static class MadeImage
{
    public static string Save(string path)
    {
        ImageBuilder image = new ImageBuilder().AddProgram("sh").AddProgram("cat").AddProgram("ls");
        foreach (string program in (string[])["ps", "ip", "hostname", "id", "getent"])
        {
            image = IsHere(program) ? image.AddProgram(program) : image; // the tour goes on without them
        }

        image.NextLayer()
            .AddText("/etc/motd", "A file of the image.\n")
            .AddText("/etc/os-release", "PRETTY_NAME=\"made of this machine's programs\"\n")
            .WithCommand("sh")
            .WithEnvironment("GREETING", "hello from the image's config")
            .Save(path, "quickstart:latest");
        return "docker-archive:" + path;
    }

    private static bool IsHere(string program)
        => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
