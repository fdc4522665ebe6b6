using static Containers.HostCapabilities;

namespace Containers.Host;

/// <summary>Programs that take part where they are installed.</summary>
internal static class ToolProbe
{
    public static IEnumerable<HostCapability> All()
    {
        yield return Find("pasta") is { } pasta ? Yes(HostFeature.Pasta, pasta) : No(HostFeature.Pasta, "not installed");
        yield return Storage.FuseHost.WhyNot(out string? fuse) is { } why ? No(HostFeature.FuseOverlayfs, why) : Yes(HostFeature.FuseOverlayfs, fuse!);
    }

    /// <summary>Where a program is: in PATH, or where distributions put those of root.</summary>
    public static string? Find(string name)
        => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/bin:/usr/sbin:/sbin".Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
}
