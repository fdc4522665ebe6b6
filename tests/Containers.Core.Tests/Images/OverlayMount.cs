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
        Tool.Run("mount", "-t", "overlay", "overlay", "-o", $"lowerdir={string.Join(':', image.LowerDirectories.Append(directory["empty"]))}", Path);
    }

    public string Path { get; }

    public void Dispose()
    {
        Tool.Run("umount", Path);
        Directory.Delete(Path);
    }
}
