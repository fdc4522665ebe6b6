using System.Globalization;
using System.Security.Cryptography;
using Containers.Native;

namespace Containers.Layers.Recipes;

/// <summary>
/// Which of a recipe's files are where, so that what a later entry of the same archive replaces can be put aside. A path is
/// remembered by 64 bits of a hash that nobody can foresee: a layer may have a million files, and this is kept for all of them.
/// </summary>
internal sealed unsafe class KeptContents(string aside) : IDisposable
{
    private readonly Dictionary<ulong, int> _files = [];
    private readonly ulong _seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
    private PathHandle? _directory;
    private int _count;

    /// <summary>Counts a file.</summary>
    /// <param name="path">Its path in the tree, without links.</param>
    public void Add(ReadOnlySpan<byte> path) => _files[Hash(path)] = _count++;

    /// <summary>Keeps a file's content, if it is needed, before its name is taken away.</summary>
    /// <param name="parent">The directory that it is in.</param>
    /// <param name="name">Its name there, with a NUL.</param>
    /// <param name="path">Its path in the tree, without links.</param>
    /// <returns>False when it is still there, since nothing of it is needed any more.</returns>
    public bool PutAside(int parent, byte* name, ReadOnlySpan<byte> path)
    {
        if (!_files.Remove(Hash(path), out int number))
        {
            return false;
        }

        if (_directory is null)
        {
            fixed (byte* place = CString.Bytes(aside))
            {
                Kernel.Check(Kernel.mkdirat(Kernel.AT_FDCWD, place, 0x1c0 /* 0700 */), "mkdir", aside);
            }

            _directory = PathHandle.OpenDirectory(aside);
        }

        string target = number.ToString(CultureInfo.InvariantCulture);
        Kernel.statx_t status;
        Kernel.Check(Kernel.statx(parent, name, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status), "stat", PathText.Show(path));
        fixed (byte* bytes = CString.Bytes(target))
        {
            if (status.stx_nlink == 1)
            {
                Kernel.Check(Kernel.renameat2(parent, name, _directory.Descriptor, bytes, Kernel.RENAME_NOREPLACE), "put aside", PathText.Show(path));
                return true;
            }

            // Its other names stay, and a container would count one more of them than there are: a copy.
            using PathHandle from = new((int)Kernel.Check(Kernel.openat(parent, name, Kernel.O_RDONLY | Kernel.O_NOFOLLOW), "open", PathText.Show(path)));
            using PathHandle to = new((int)Kernel.Check(Kernel.openat(_directory.Descriptor, bytes, Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_EXCL | Kernel.O_NOFOLLOW, 0x180 /* 0600 */), "create", aside));
            Storage.FileCopy.Copy(from.Descriptor, to.Descriptor, (long)status.stx_size, PathText.Show(path));
            return false;
        }
    }

    /// <summary>Moves away what is needed of a directory's content.</summary>
    /// <param name="parent">The directory that it is in.</param>
    /// <param name="name">Its name there, with a NUL.</param>
    /// <param name="path">Its path in the tree, without links.</param>
    public void PutDirectoryAside(int parent, byte* name, ReadOnlySpan<byte> path)
    {
        const ulong Beneath = Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS;
        using PathHandle top = new((int)Kernel.Check(Kernel.openat2(parent, name, Kernel.O_RDONLY | Kernel.O_DIRECTORY | Kernel.O_NOFOLLOW, 0, Beneath), "open", PathText.Show(path)));
        Stack<byte[]> directories = new([[(byte)'.']]); // below the top
        while (directories.TryPop(out byte[]? below))
        {
            fixed (byte* place = (byte[])[.. below, 0])
            {
                using PathHandle directory = new((int)Kernel.Check(Kernel.openat2(top.Descriptor, place, Kernel.O_RDONLY | Kernel.O_DIRECTORY, 0, Beneath), "open", PathText.Show(path)));
                foreach (byte[] entry in Tree.List(directory.Descriptor))
                {
                    byte[] inner = [.. below, (byte)'/', .. entry.AsSpan(..^1)];
                    fixed (byte* bytes = entry)
                    {
                        Kernel.statx_t status;
                        Kernel.Check(Kernel.statx(directory.Descriptor, bytes, Kernel.AT_SYMLINK_NOFOLLOW, Kernel.STATX_BASIC_STATS, &status), "stat", PathText.Show(inner));
                        if (status.Type == Kernel.S_IFDIR)
                        {
                            directories.Push(inner);
                        }
                        else if (status.Type == Kernel.S_IFREG)
                        {
                            PutAside(directory.Descriptor, bytes, [.. path, .. inner.AsSpan(1)]); // without the dot
                        }
                    }
                }
            }
        }
    }

    public void Dispose() => _directory?.Dispose();

    // A multiplication of 64 by 64 bits mixes each eight bytes into all bits of the state.
    private ulong Hash(ReadOnlySpan<byte> path)
    {
        ulong state = _seed ^ (ulong)path.Length;
        for (; path.Length >= 8; path = path[8..])
        {
            state = Mix(state ^ BitConverter.ToUInt64(path));
        }

        ulong rest = 0;
        foreach (byte value in path)
        {
            rest = (rest << 8) | value;
        }

        return Mix(state ^ rest) ^ _seed;

        ulong Mix(ulong value)
        {
            ulong high = Math.BigMul(value ^ 0x9e3779b97f4a7c15, _seed ^ 0xd1b54a32d192ed03, out ulong low);
            return high ^ low;
        }
    }
}
