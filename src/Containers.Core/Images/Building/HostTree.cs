using Containers.Native;
using Containers.Storage;

namespace Containers.Images.Building;

/// <summary>Copies a directory of the host into an image.</summary>
internal static class HostTree
{
    public static void Add(ImageTree tree, string hostDirectory, string imagePath)
    {
        if (!StoreFiles.TryStat(hostDirectory, out Kernel.statx_t stat) || stat.Type != Kernel.S_IFDIR)
        {
            throw new ImageException($"The directory \"{hostDirectory}\" is not on this host.");
        }

        if (tree.Resolve(imagePath).Length > 0)
        {
            tree.Put(imagePath, TreeEntry.Directory(stat.stx_mode & 0xFFFu));
        }

        foreach (FileSystemInfo info in new DirectoryInfo(hostDirectory).EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0 }))
        {
            string path = $"{imagePath}/{info.Name}";
            if (info.LinkTarget is { } target)
            {
                tree.Put(path, TreeEntry.Link(target));
            }
            else if (info is DirectoryInfo)
            {
                Add(tree, info.FullName, path);
            }
            else
            {
                tree.Put(path, HostPrograms.FileEntry(info.FullName));
            }
        }
    }
}
