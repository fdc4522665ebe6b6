using Containers.Native;

namespace Containers.Layers;

/// <summary>What an entry makes.</summary>
internal enum TarEntryType
{
    File,
    HardLink,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Directory,
    Fifo,
}

/// <summary>One entry of an archive, with all that extended headers said about it. The reader fills the same object again for the next.</summary>
internal sealed class TarEntry
{
    /// <summary>Where its headers begin in the uncompressed archive.</summary>
    public long Offset { get; set; }

    public TarEntryType Type { get; set; }

    /// <summary>The name as the archive has it.</summary>
    public ByteBuffer Path { get; } = new();

    /// <summary>Where a link leads.</summary>
    public ByteBuffer Target { get; } = new();

    /// <summary>Permissions with setuid, setgid and sticky bits.</summary>
    public uint Mode { get; set; }

    public uint Owner { get; set; }

    public uint Group { get; set; }

    /// <summary>Bytes of the file once it is written, holes and all.</summary>
    public long Size { get; set; }

    public Kernel.timespec Modified { get; set; }

    public Kernel.timespec Accessed { get; set; }

    public uint Major { get; set; }

    public uint Minor { get; set; }

    /// <summary>Extended attributes: names and raw values.</summary>
    public XattrList Xattrs { get; } = new();

    /// <summary>Where the data goes when the file has holes, otherwise unused.</summary>
    public SparseMap Sparse { get; } = new();

    public bool IsSparse { get; set; }
}
