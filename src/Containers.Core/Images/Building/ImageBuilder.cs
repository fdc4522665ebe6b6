using System.Collections.Immutable;
using System.Text;
using Containers.Images;
using Containers.Images.Building;

namespace Containers;

/// <summary>
/// Describes an image made of this machine's programs and of files, and saves it as a docker archive, which this library,
/// docker, podman and skopeo load. Each call returns a new description; nothing is read before <see cref="Save"/>.
/// </summary>
/// <remarks>
/// <para>The same description of the same files gives the same bytes: entries are sorted, owned by root, and have one fixed time.</para>
/// <para>Unless <see cref="WithoutDefaults"/> is called the first layer also has what most programs expect: empty /proc, /sys and
/// /dev, /tmp (mode 1777), /root, and /etc/passwd and /etc/group with root in them. What is added replaces them.</para>
/// </remarks>
/// <example>
/// <code>
/// new ImageBuilder()
///     .AddProgram("/bin/sh").AddProgram("ps")
///     .NextLayer()
///     .AddText("/etc/motd", "hello\n")
///     .WithCommand("sh")
///     .Save("shell.tar", "shell:1.0");
/// </code>
/// </example>
public sealed class ImageBuilder
{
    private const UnixFileMode DirectoryMode = (UnixFileMode)0x1ED; // 0755
    private const UnixFileMode FileMode = (UnixFileMode)0x1A4; // 0644

    private readonly ImmutableList<Action<ImageTree, HostPrograms>> _steps;
    private readonly ImageConfig _config;
    private readonly DateTimeOffset _time;
    private readonly bool _hasDefaults;
    private readonly Image? _base;

    /// <summary>Starts with an empty image.</summary>
    public ImageBuilder()
        : this([], new ImageConfig { Os = "linux", Architecture = ArchiveWriter.Architecture }, DateTimeOffset.UnixEpoch, hasDefaults: true)
    {
    }

    private ImageBuilder(ImmutableList<Action<ImageTree, HostPrograms>> steps, ImageConfig config, DateTimeOffset time, bool hasDefaults, Image? below = null)
    {
        _base = below;
        _steps = steps;
        _config = config;
        _time = time;
        _hasDefaults = hasDefaults;
    }

    /// <summary>Adds a program of this host under the path that it has here, with its dynamic linker and libraries or, for a script, its interpreter.</summary>
    /// <param name="program">A path, or a name that is looked for in PATH.</param>
    /// <remarks>Libraries that a program loads by name while it runs (dlopen(3)) cannot be seen in its file: add them with <see cref="AddFile"/>.</remarks>
    public ImageBuilder AddProgram(string program)
    {
        ArgumentException.ThrowIfNullOrEmpty(program);
        return With((_, programs) => programs.Add(program));
    }

    /// <summary>Adds a copy of a file of this host with its permissions. A link is followed.</summary>
    /// <param name="hostPath">Where it is here.</param>
    /// <param name="imagePath">Where it is in the image; directories on the way are made.</param>
    public ImageBuilder AddFile(string hostPath, string imagePath)
    {
        string full = Path.GetFullPath(hostPath);
        Check(imagePath);
        return With((tree, _) => tree.Put(imagePath, HostPrograms.FileEntry(full)));
    }

    /// <summary>Adds a directory, or changes the mode of one that is there.</summary>
    /// <param name="imagePath">Where it is in the image.</param>
    /// <param name="mode">Its permissions.</param>
    public ImageBuilder AddDirectory(string imagePath, UnixFileMode mode = DirectoryMode)
    {
        Check(imagePath);
        return With((tree, _) => tree.Put(imagePath, TreeEntry.Directory((uint)mode)));
    }

    /// <summary>Adds a copy of a directory of this host: the files, directories and symbolic links in it with their permissions.</summary>
    /// <param name="hostDirectory">Where it is here.</param>
    /// <param name="imagePath">Where it is in the image.</param>
    public ImageBuilder AddTree(string hostDirectory, string imagePath)
    {
        string full = Path.GetFullPath(hostDirectory);
        Check(imagePath);
        return With((tree, _) => HostTree.Add(tree, full, imagePath));
    }

    /// <summary>Adds a file with a text in it.</summary>
    /// <param name="imagePath">Where it is in the image.</param>
    /// <param name="text">The content, written as UTF-8.</param>
    /// <param name="mode">Its permissions.</param>
    public ImageBuilder AddText(string imagePath, string text, UnixFileMode mode = FileMode)
    {
        Check(imagePath);
        byte[] content = Encoding.UTF8.GetBytes(text);
        return With((tree, _) => tree.Put(imagePath, TreeEntry.File(content, (uint)mode)));
    }

    /// <summary>Adds a symbolic link.</summary>
    /// <param name="imagePath">Where it is in the image.</param>
    /// <param name="target">What it points to, as it is written in the link.</param>
    public ImageBuilder AddSymbolicLink(string imagePath, string target)
    {
        Check(imagePath);
        ArgumentException.ThrowIfNullOrEmpty(target);
        return With((tree, _) => tree.Put(imagePath, TreeEntry.Link(target)));
    }

    /// <summary>Removes something that was added; what a layer below has is hidden by a whiteout.</summary>
    /// <param name="imagePath">Where it is in the image.</param>
    public ImageBuilder Remove(string imagePath)
    {
        Check(imagePath);
        return With((tree, _) => tree.Remove(imagePath));
    }

    /// <summary>Ends a layer; what follows goes into a new one above it.</summary>
    public ImageBuilder NextLayer() => With((tree, _) => tree.NextLayer());

    /// <summary>Leaves out the directories and files that most programs expect; the image has what is added and nothing else.</summary>
    public ImageBuilder WithoutDefaults() => new(_steps, _config, _time, hasDefaults: false, _base);

    /// <summary>Builds on an image of a store: its layers are below those that are made here, and what it says about how it is run holds unless it is set here.</summary>
    /// <param name="image">The image.</param>
    /// <returns>A description without the directories and files that a new image begins with: the image has its own.</returns>
    /// <exception cref="ImageException">It is a root file system, without a config.</exception>
    public static ImageBuilder From(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image.Catalog is null
            ? throw new ImageException($"\"{image.Name}\" is a root file system and no image that could be built on.", $"{nameof(AddTree)} adds a directory.")
            : new ImageBuilder([], image.Config, DateTimeOffset.UnixEpoch, hasDefaults: false, image);
    }

    /// <summary>Sets the command's fixed beginning.</summary>
    /// <param name="entrypoint">The program and its arguments.</param>
    public ImageBuilder WithEntrypoint(params string[] entrypoint) => With(_config with { Entrypoint = [.. entrypoint] });

    /// <summary>Sets the command, or the arguments of the entrypoint.</summary>
    /// <param name="command">The program and its arguments.</param>
    public ImageBuilder WithCommand(params string[] command) => With(_config with { Cmd = [.. command] });

    /// <summary>Sets an environment variable. PATH is set from the start, unless <see cref="WithoutDefaults"/> is called.</summary>
    /// <param name="name">The variable's name.</param>
    /// <param name="value">Its value.</param>
    public ImageBuilder WithEnvironment(string name, string value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return With(_config with { Env = [.. _config.Env.Where(line => !line.StartsWith(name + "=", StringComparison.Ordinal)), $"{name}={value}"] });
    }

    /// <summary>Sets the directory that the command starts in.</summary>
    /// <param name="directory">An absolute path in the image.</param>
    public ImageBuilder WithWorkingDirectory(string directory)
    {
        Check(directory);
        return With(_config with { WorkingDir = directory });
    }

    /// <summary>Sets who the command runs as.</summary>
    /// <param name="user"><c>user</c>, <c>uid</c>, <c>user:group</c>, <c>uid:gid</c> or a mixture.</param>
    public ImageBuilder WithUser(string user) => With(_config with { User = user });

    /// <summary>Sets the signal that asks the command to end.</summary>
    /// <param name="signal">A name such as SIGINT, or a number.</param>
    public ImageBuilder WithStopSignal(string signal) => With(_config with { StopSignal = signal });

    /// <summary>Sets a label.</summary>
    /// <param name="name">The label's name.</param>
    /// <param name="value">Its value.</param>
    public ImageBuilder WithLabel(string name, string value)
        => With(_config with { Labels = new Dictionary<string, string>(_config.Labels) { [name] = value } });

    /// <summary>Sets the time of everything in the image, in whole seconds; without it 1970-01-01, so that the same input gives the same digest.</summary>
    /// <param name="time">The time.</param>
    public ImageBuilder WithTimestamp(DateTimeOffset time) => new(_steps, _config, time, _hasDefaults, _base);

    /// <summary>Makes the image and writes it as a docker archive. The file is there completely or not at all; one of that name is replaced.</summary>
    /// <param name="path">The archive's path.</param>
    /// <param name="tag">The image's name, such as <c>shell:1.0</c>; null for none. Without a tag it gets <c>:latest</c>.</param>
    /// <returns>The image's id, <c>sha256:…</c>.</returns>
    /// <exception cref="ImageException">A program, library or file is not there, or a path cannot be made.</exception>
    public string Save(string path, string? tag = null)
    {
        if (_base is not null)
        {
            Image made = Build(_base.Catalog!, null, CancellationToken.None);
            Images.Saving.ImageSaver.Save(made, new ImageReference(ImageTransport.DockerArchive, Path.GetFullPath(path), tag), new SaveOptions(), CancellationToken.None);
            return made.Id;
        }

        return ArchiveWriter.Write(Path.GetFullPath(path), tag, Layers(null), _hasDefaults ? ImageDefaults.AddTo(_config) : _config, _time);
    }

    /// <summary>Makes the image in a store, where it is found by its name. The same description of the same files gives the same image as <see cref="Save"/>.</summary>
    /// <param name="store">The store.</param>
    /// <param name="name">The image's name, such as <c>shell:1.0</c>; without a tag it gets <c>:latest</c>. Another image that has it loses it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ImageException">A program, library or file is not there, a path cannot be made, or the name is none.</exception>
    public Task<Image> BuildAsync(ImageStore store, string name, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ImageName full = ImageName.Parse(name);
        return full.Digest is null
            ? Task.Run(() => Build(store.Catalog, full.ToString(), cancellationToken), cancellationToken)
            : throw new ImageException($"\"{name}\" cannot be the name of a new image: it has a digest.");
    }

    private Image Build(Storage.ImageCatalog catalog, string? name, CancellationToken cancellation)
    {
        using BaseTree? below = _base is null ? null : new BaseTree(_base.LowerDirectories);
        return StoreBuild.Run(catalog, name, _base, Layers(below), _hasDefaults ? ImageDefaults.AddTo(_config) : _config, _time, cancellation);
    }

    private IReadOnlyList<SortedDictionary<string, TreeEntry>> Layers(BaseTree? below)
    {
        ImageTree tree = new(below);
        HostPrograms programs = new(tree);
        if (_hasDefaults)
        {
            ImageDefaults.AddTo(tree);
        }

        foreach (Action<ImageTree, HostPrograms> step in _steps)
        {
            step(tree, programs);
        }

        return tree.Layers;
    }

    /// <summary>Saves as <see cref="Save"/> does, on a thread of the pool.</summary>
    /// <param name="path">The archive's path.</param>
    /// <param name="tag">The image's name.</param>
    /// <param name="cancellationToken">Keeps it from starting.</param>
    public Task<string> SaveAsync(string path, string? tag = null, CancellationToken cancellationToken = default)
        => Task.Run(() => Save(path, tag), cancellationToken);

    private ImageBuilder With(Action<ImageTree, HostPrograms> step) => new(_steps.Add(step), _config, _time, _hasDefaults, _base);

    private ImageBuilder With(ImageConfig config) => new(_steps, config, _time, _hasDefaults, _base);

    private static void Check(string imagePath)
    {
        ArgumentException.ThrowIfNullOrEmpty(imagePath);
        if (imagePath[0] != '/')
        {
            throw new ArgumentException($"The path \"{imagePath}\" in the image is not absolute.", nameof(imagePath));
        }
    }
}
