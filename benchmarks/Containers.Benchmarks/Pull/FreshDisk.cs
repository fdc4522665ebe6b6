namespace Containers.Benchmarks.Pull;

/// <summary>An ext4 of its own, in a file: on one that has seen a large removal, whoever comes next is several times slower.</summary>
internal sealed class FreshDisk : IDisposable
{
    private readonly string _file;

    /// <param name="folder">Where its file and its mount point are.</param>
    public FreshDisk(string folder)
    {
        _file = Path.Combine(folder, "disk");
        Mount = Path.Combine(folder, "mount");
        Directory.CreateDirectory(Mount);
        Shell.Bash($"truncate -s 6G '{_file}' && mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 '{_file}' && mount -o loop '{_file}' '{Mount}'");
    }

    public string Mount { get; }

    /// <summary>KiB that are used on it.</summary>
    public long Used => new DriveInfo(Mount) is var drive ? (drive.TotalSize - drive.TotalFreeSpace) >> 10 : 0;

    public void Dispose()
    {
        Shell.Bash($"umount -R '{Mount}'");
        File.Delete(_file);
    }
}
