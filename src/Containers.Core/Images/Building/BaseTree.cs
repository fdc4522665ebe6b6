using System.Text;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Images.Building;

/// <summary>The files of the image that another one is built on.</summary>
internal sealed class BaseTree(IReadOnlyList<string> lowerDirectories) : IDisposable
{
    private readonly LayerView _view = new(lowerDirectories);

    /// <summary>What is at a path, with no link on the way followed; null when nothing is.</summary>
    public TreeEntry? At(string realPath)
    {
        using MappedRoot.Scope scope = SubordinateTrees.Enter();
        LayerView.Place place = _view.Top;
        string[] names = realPath.Split('/');
        for (int i = 0; i < names.Length; i++)
        {
            using PathHandle? found = _view.Step(place, Encoding.UTF8.GetBytes(names[i]), out LayerView.Place? directory);
            if (found is null)
            {
                return null;
            }

            if (i == names.Length - 1)
            {
                Kernel.statx_t status = Storage.StoreFiles.Stat(found);
                TreeEntry entry = status.Type switch
                {
                    Kernel.S_IFDIR => TreeEntry.Directory(status.stx_mode & 0xfffu),
                    Kernel.S_IFLNK => TreeEntry.Link(Encoding.UTF8.GetString(LayerView.ReadLink(found))),
                    _ => TreeEntry.File([], status.stx_mode & 0xfffu),
                };
                return entry with { IsBelow = true };
            }

            if (directory is null)
            {
                return null;
            }

            place = directory;
        }

        return null;
    }

    public void Dispose() => _view.Dispose();
}
