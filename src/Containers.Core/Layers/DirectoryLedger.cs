using System.Diagnostics.CodeAnalysis;
using Containers.Native;

namespace Containers.Layers;

/// <summary>
/// What the archive says of its directories, kept until all is in them: an entry made or removed inside changes a
/// directory's time, a setgid bit or a default ACL would pass to new files, and a mode without x keeps others than root out.
/// </summary>
internal sealed unsafe class DirectoryLedger
{
    private readonly Dictionary<byte[], Entry> _entries = new(PathBytes.Comparer);

    private sealed record Entry(uint Mode, uint Owner, uint Group, Kernel.timespec Accessed, Kernel.timespec Modified, (byte[] Name, byte[] Value)[] Xattrs, bool AsCreated);

    /// <summary>Remembers one by its path without links. The last word on a path counts.</summary>
    /// <param name="asCreated">It has its owner and mode already.</param>
    public void Record(ReadOnlySpan<byte> path, TarEntry entry, bool asCreated)
        => _entries.GetAlternateLookup<ReadOnlySpan<byte>>()[path]
            = new Entry(entry.Mode, entry.Owner, entry.Group, entry.Accessed, entry.Modified, entry.Xattrs.Count == 0 ? [] : entry.Xattrs.ToArray(), asCreated);

    /// <summary>Gives each directory that is still there what it should have.</summary>
    public void Apply(RootDirectories directories)
    {
        ByteBuffer path = new();
        foreach ((byte[] name, Entry entry) in _entries)
        {
            path.Set(name);
            int directory = directories.OpenReal(path.Span);
            if (directory is -(int)Errno.ENOENT or -(int)Errno.ENOTDIR or -(int)Errno.ELOOP)
            {
                continue; // a later entry took its place
            }

            Check("open", directory, name);
            try
            {
                Apply(directory, name, entry);
            }
            finally
            {
                _ = Kernel.close(directory);
            }
        }
    }

    private static void Apply(int directory, byte[] path, Entry entry)
    {
        if (!entry.AsCreated)
        {
            Check("chown", Kernel.fchown(directory, entry.Owner, entry.Group), path);
            Check("chmod", Kernel.fchmod(directory, entry.Mode), path);
        }

        foreach ((byte[] key, byte[] value) in entry.Xattrs)
        {
            if (!TreeWriter.IsOverlays(key))
            {
                fixed (byte* keyBytes = key, valueBytes = value)
                {
                    int result = Kernel.fsetxattr(directory, keyBytes, valueBytes, (nuint)value.Length);
                    Check(result < 0 ? $"set the attribute {PathText.Show(key.AsSpan(..^1))} of" : "", result, path);
                }
            }
        }

        Kernel.timespec* times = stackalloc Kernel.timespec[] { entry.Accessed, entry.Modified };
        Check("set the times of", Kernel.utimensat(directory, null, times, 0), path);
    }

    private static void Check(string operation, int result, byte[] path)
    {
        if (result < 0)
        {
            throw new KernelException(operation, path.Length == 0 ? "/" : PathText.Show(path), (Errno)(-result), TreeWriter.Hint((Errno)(-result)));
        }
    }
}

/// <summary>Paths as keys: bytes compared with bytes.</summary>
internal sealed class PathBytes : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static PathBytes Comparer { get; } = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode([DisallowNull] byte[] path) => GetHashCode(path.AsSpan());

    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        HashCode hash = default; // seeded per process: nobody can prepare names that collide
        hash.AddBytes(alternate);
        return hash.ToHashCode();
    }

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
