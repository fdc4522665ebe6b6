namespace Containers.Images.Building;

internal enum TreeEntryKind
{
    File,
    Directory,
    SymbolicLink,
}

/// <summary>Something in an image that is being built. Its owner is root.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Mode">The permissions, with setuid, setgid and sticky bits.</param>
internal sealed record TreeEntry(TreeEntryKind Kind, uint Mode)
{
    /// <summary>A file's content, where it is given in memory.</summary>
    public byte[]? Content { get; init; }

    /// <summary>The host's file that the content is read from when the image is saved.</summary>
    public string? HostPath { get; init; }

    /// <summary>Whether it is the base image's, and not written again.</summary>
    public bool IsBelow { get; init; }

    /// <summary>A symbolic link's target.</summary>
    public string? Target { get; init; }

    /// <summary>The file's capabilities (security.capability, capabilities(7)), which make a program such as ping work.</summary>
    public byte[]? Capability { get; init; }

    public static TreeEntry Directory(uint mode) => new(TreeEntryKind.Directory, mode);

    public static TreeEntry Link(string target) => new(TreeEntryKind.SymbolicLink, 0x1FF /* 0777, as lstat shows */) { Target = target };

    public static TreeEntry File(byte[] content, uint mode) => new(TreeEntryKind.File, mode) { Content = content };
}
