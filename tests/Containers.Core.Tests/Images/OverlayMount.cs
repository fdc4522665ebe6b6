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

    public void Dispose()
    {
        Tool.Run("umount", Path);
        Directory.Delete(Path);
    }
}
