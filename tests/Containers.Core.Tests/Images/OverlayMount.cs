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
        // Without an upper directory overlayfs wants two lower ones. Sixty paths are more than mount(8) can say.
        string[] lower = [.. image.LowerDirectories, directory["empty"]];
        using MountHandle mount = MountHandle.Create("overlay", lower.Length > 20 ? lower.Select(path => ("lowerdir+", (string?)path)) : [("lowerdir", string.Join(':', lower))], MountAttributes.ReadOnly);
        mount.Attach(Path);
    }

    public string Path { get; }

    public void Dispose()
    {
        Tool.Run("umount", Path);
        Directory.Delete(Path);
    }
}
