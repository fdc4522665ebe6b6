using Containers.Native;

namespace Containers.Storage;

/// <summary>Where things are in a store's directory.</summary>
/// <remarks>
/// <code>
/// layers/sha256/HEX/root       an unpacked layer, an overlay's lower directory
/// layers/sha256/HEX/layer.json what is known about it
/// layers/sha256/HEX/recipe     how to make its tar again (see RecipeFormat), and aside/ with content that is needed for that
/// images/sha256/HEX.json       the layers of an image, by its config's digest
/// blobs/sha256/HEX             a config or a manifest
/// names/HEX.json               the image that a name means, by the name's digest
/// lock                         held while names, images and blobs are changed (see StoreLock)
/// sources/HEX.json             what an unchanged file was found to be, by its path's digest
/// partial/HEX                  what has come of a layer's blob, by its digest (see PartialBlob)
/// work/NAME, work/NAME.lock    something unfinished, and the lock that its maker holds
/// </code>
/// <para>Everything outside of work/ is complete: it got there by a rename. All of it can be removed at any time when no container runs.</para>
/// <para>It is complete after a power failure, too. A file system may write a rename before the content it is about, so: a layer is
/// written, then one syncfs(2) brings its files, its recipe and layer.json to the disk, then it is renamed to its place, then the
/// directory of layers is synced, and only after that the image's config, record and names are written, in this order, each with an
/// fsync(2), a rename, and an fsync of its directory. One syncfs for a layer costs a fraction of a second; an fsync for each of its files
/// would cost more than unpacking them. So a name never means what is not there; what can be lost is what was not finished. What is
/// only remembered (sources/) is not synced: a file there that is damaged is as good as none.</para>
/// <para>What is removed is first renamed into work/, and so is never there by half either.</para>
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

    /// <summary>What has come of blobs whose pull was broken off.</summary>
    public string Partials { get; } = root + "/partial";

    public string Work { get; } = root + "/work";

    /// <summary>Makes the directories, and removes what crashed processes left in them.</summary>
    /// <returns>Bytes that the removed had on the disk.</returns>
    /// <exception cref="KernelException">The store cannot be made.</exception>
    public long Open()
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

            foreach (string directory in (ReadOnlySpan<string>)[Root + "/layers", Layers, Root + "/images", Images, Root + "/blobs", Blobs, Names, Sources, Partials, Work])
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

        return WorkArea.RemoveLeftovers(this);
    }

    /// <summary>The directory of what is not finished; nothing else looks at it.</summary>
    public string WorkPath(string name) => $"{Work}/{name}";

    private KernelException Failure(string directory, Errno errno)
        => new("open the image store", directory == Root ? Root : $"{Root}\" at \"{directory[(Root.Length + 1)..]}", errno, Hint);
}
