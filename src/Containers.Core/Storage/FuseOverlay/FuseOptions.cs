using Containers.Launch;

namespace Containers.Storage;

/// <summary>The options of fuse-overlayfs(1).</summary>
internal static class FuseOptions
{
    /// <summary>As one word.</summary>
    /// <exception cref="ContainerException">It would take a path for two.</exception>
    public static string Of(LaunchRequest request)
    {
        string? unspeakable = request.LowerDirectories.Append(request.StateDirectory).FirstOrDefault(path => path.AsSpan().ContainsAny(':', '\\'));
        // Volatile: nothing of it outlives the container. Without writeback, write(2) itself fails where a limit is; the kernel would take it, and the file be lost at its end.
        return unspeakable is null
            ? $"lowerdir={string.Join(':', request.LowerDirectories.Select(Escape))},upperdir={Escape(request.Upper)},workdir={Escape(request.Work)},volatile{(request.Spec.DiskLimit is null ? "" : ",writeback=0")}"
            : throw new ContainerException($"fuse-overlayfs cannot be given the directory \"{unspeakable}\": it takes ':' for the end of a path, and '\\' for nothing.", "Choose a root and a store without them.");
    }

    // Of libfuse, which takes a comma for an option's end.
    private static string Escape(string path) => path.Replace(",", "\\,", StringComparison.Ordinal);
}
