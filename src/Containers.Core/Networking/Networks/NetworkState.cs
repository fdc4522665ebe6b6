using System.Globalization;
using Containers.Native;

namespace Containers.Networking;

/// <summary>
/// Files that host processes lock, to agree about networks: RUN/network.lock while something is set up or taken down, and a
/// directory RUN/net-INODE for each network namespace that plays the host. What a file says is never read.
/// </summary>
internal static class NetworkState
{
    /// <summary>The variable that chooses another directory than /run/dotnet-containers.</summary>
    public const string Variable = "CONTAINERS_RUN";

    private static string Root => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? Path.GetFullPath(given) : "/run/dotnet-containers";

    /// <summary>Held while links and rules that others may use are made or removed.</summary>
    /// <exception cref="NetworkException">The directory cannot be made.</exception>
    public static PathHandle Lock()
    {
        try
        {
            Directory.CreateDirectory(Root);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NetworkException($"The directory \"{Root}\", by which processes agree about networks, cannot be made: {e.Message}", $"The variable {Variable} chooses another; all processes of a host have to use the same.", e);
        }

        PathHandle handle = PathHandle.Open(Path.Combine(Root, "network.lock"), Kernel.O_RDWR | Kernel.O_CREAT, 0x180 /* 0600 */);
        Kernel.Check(Kernel.flock(handle.Descriptor, Kernel.LOCK_EX), "lock", Root);
        return handle;
    }

    /// <summary>The directory of a network namespace.</summary>
    public static string DirectoryOf(ulong inode) => Path.Combine(Root, string.Create(CultureInfo.InvariantCulture, $"net-{inode}"));
}
