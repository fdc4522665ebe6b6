namespace Containers;

/// <summary>Something mounted in a container beside its root.</summary>
/// <param name="Target">An absolute path inside. It is made when it is missing.</param>
public abstract record ContainerMount(string Target)
{
    /// <summary>A file or directory of the host, with what is mounted below it.</summary>
    /// <param name="Source">An absolute path on the host.</param>
    /// <param name="Target">An absolute path inside.</param>
    /// <param name="ReadOnly">Whether the container cannot write to it.</param>
    public sealed record Bind(string Source, string Target, bool ReadOnly) : ContainerMount(Target)
    {
        /// <summary>Whether owners are seen as the container's user namespace has them: what belongs to root on the host belongs to root inside.</summary>
        public bool Idmapped { get; init; }
    }

    /// <summary>A fresh file system in memory (nosuid, nodev).</summary>
    /// <param name="Target">An absolute path inside.</param>
    /// <param name="SizeBytes">The most it can hold; null for the kernel's default, half of the memory.</param>
    public sealed record Tmpfs(string Target, long? SizeBytes) : ContainerMount(Target);
}
