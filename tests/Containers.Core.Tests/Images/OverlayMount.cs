namespace Containers.Tests.Images;

/// <summary>An image's layers mounted read-only, as a container sees them.</summary>
internal sealed class OverlayMount : IDisposable
{
    public OverlayMount(TestDirectory directory, Image image)
    {
        Path = directory[$"mounted-{Guid.NewGuid():N}"];
        Directory.CreateDirectory(Path);
        Directory.CreateDirectory(directory["empty"]);
        // Without an upper directory overlayfs wants two lower ones. mount(2) takes one page of options; more are given one by one (Linux 6.7).
        string[] lowers = [.. image.LowerDirectories, directory["empty"]];
        if (string.Join(':', lowers).Length < 4000)
        {
            Tool.Run("mount", "-t", "overlay", "overlay", "-o", $"lowerdir={string.Join(':', lowers)}", Path);
            return;
        }

        using Native.MountHandle mount = Native.MountHandle.Create("overlay", lowers.Select(lower => ("lowerdir+", (string?)lower)));
        mount.Attach(Path);
    }

    public string Path { get; }

    public void Dispose()
    {
        Tool.Run("umount", Path);
        Directory.Delete(Path);
    }
}
