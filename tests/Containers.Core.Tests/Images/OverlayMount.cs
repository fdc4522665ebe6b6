using Containers.Native;

namespace Containers.Tests.Images;

/// <summary>An image's layers mounted read-only, as a container sees them.</summary>
internal sealed class OverlayMount : IDisposable
{
    public OverlayMount(TestDirectory directory, Image image)
    {
        Path = directory[$"mounted-{Guid.NewGuid():N}"];
        Directory.CreateDirectory(Path);
        Directory.CreateDirectory(directory["empty"]);
        // Without an upper directory overlayfs wants two lower ones.
        string[] lower = [.. image.LowerDirectories, directory["empty"]];
        if (lower.Length > 20) // more than one page of options, which is all that mount(2) takes
        {
            using MountHandle mount = MountHandle.Create("overlay", lower.Select(path => ("lowerdir+", (string?)path)), MountAttributes.ReadOnly);
            mount.Attach(Path);
            return;
        }

        Tool.Run("mount", "-t", "overlay", "overlay", "-o", $"lowerdir={string.Join(':', lower)}", Path);
    }

    public string Path { get; }

    /// <summary>What is seen there, also for an ordinary user, whose overlay only a namespace of its own sees.</summary>
    public static IReadOnlyList<string> Listing(TestDirectory directory, Image image)
    {
        if (Environment.IsPrivilegedProcess)
        {
            using OverlayMount mount = new(directory, image);
            return TreeListing.Of(mount.Path);
        }

        return Bash(directory, image, $"exec dotnet {System.IO.Path.Combine(AppContext.BaseDirectory, "Containers.TestHost.dll")} tree .").Split('\n');
    }

    /// <summary>What a script writes whose current directory it is.</summary>
    public static string Bash(TestDirectory directory, Image image, string script)
    {
        if (Environment.IsPrivilegedProcess)
        {
            using OverlayMount mount = new(directory, image);
            return Tool.Bash($"cd {mount.Path}; {script}");
        }

        string path = directory[$"mounted-{Guid.NewGuid():N}"];
        return Tool.Run("unshare", "--user", "--map-root-user", "--map-auto", "--mount", "bash", "-euo", "pipefail", "-c", $"""
            mkdir {path} {path}.empty
            mount -t overlay overlay -o userxattr,lowerdir={string.Join(':', image.LowerDirectories)}:{path}.empty {path}
            cd {path}; {script}
            """);
    }

    public void Dispose()
    {
        Tool.Run("umount", Path);
        Directory.Delete(Path);
    }
}
