using Containers.Native;

namespace Containers.Storage;

/// <summary>Where things are in a store's directory.</summary>
/// <remarks>
/// <code>
/// layers/sha256/HEX/root       an unpacked layer, an overlay's lower directory
/// layers/sha256/HEX/layer.json what is known about it
/// images/sha256/HEX.json       the layers of an image, by its config's digest
/// blobs/sha256/HEX             a config or a manifest
/// names/HEX.json               the image that a name means, by the name's digest
/// lock                         held while names, images and blobs are changed (see StoreLock)
/// sources/HEX.json             what an unchanged file was found to be, by its path's digest
/// work/NAME, work/NAME.lock    something unfinished, and the lock that its maker holds
/// </code>
/// Everything outside of work/ is complete: it got there by a rename. All of it can be removed at any time when no container runs.
/// </remarks>
internal sealed class StoreLayout(string root, UnpackLimits? limits = null)
{
    /// <summary>The environment variable that says where the store is.</summary>
    public const string Variable = "CONTAINERS_STORE";

    public static readonly string Hint = $"The environment variable {Variable} names another place for the store.";

    // What is unpacked has setuid programs of other people: none of the host's users may walk in.
    private const uint Private = 0x1C0; // 0700

    public string Root { get; } = root;

    /// <summary>What a layer may be at most.</summary>
    public UnpackLimits Limits { get; } = limits ?? UnpackLimits.Default;

    public string Layers { get; } = root + "/layers/sha256";

    public string Images { get; } = root + "/images/sha256";

    public string Blobs { get; } = root + "/blobs/sha256";

    public string Names { get; } = root + "/names";

    public string Lock { get; } = root + "/lock";

    public string Sources { get; } = root + "/sources";

    public string Work { get; } = root + "/work";

    /// <summary>Makes the directories, and removes what crashed processes left in them.</summary>
    /// <exception cref="KernelException">The store cannot be made.</exception>
    public void Open()
    {
        string current = Root;
        try
        {
            if (!StoreFiles.HasDirectory(Root))
            {
                string? parent = Path.GetDirectoryName(Root);
                if (parent is not null)
                {
                    Directory.CreateDirectory(parent);
                }

                StoreFiles.MakeDirectory(Root, Private);
            }

            foreach (string directory in (ReadOnlySpan<string>)[Root + "/layers", Layers, Root + "/images", Images, Root + "/blobs", Blobs, Names, Sources, Work])
            {
                current = directory;
                StoreFiles.MakeDirectory(directory, Private);
            }
        }
        catch (KernelException exception)
        {
            throw Failure(current, exception.Errno);
        }
        catch (UnauthorizedAccessException)
        {
            throw Failure(current, Errno.EACCES);
        }
        catch (IOException exception)
        {
            throw new ContainerException($"open the image store \"{Root}\": {exception.Message}", Hint, exception);
        }

        WorkArea.RemoveLeftovers(this);
    }

    /// <summary>The directory of what is not finished; nothing else looks at it.</summary>
    public string WorkPath(string name) => $"{Work}/{name}";

    private KernelException Failure(string directory, Errno errno)
        => new("open the image store", directory == Root ? Root : $"{Root}\" at \"{directory[(Root.Length + 1)..]}", errno, Hint);
}
