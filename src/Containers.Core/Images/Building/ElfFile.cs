using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Containers.Images.Building;

/// <summary>
/// What the dynamic linker reads of a program or library (elf(5)): its interpreter, the libraries that it needs, and where it
/// says they are.
/// </summary>
/// <param name="Is64Bit">The class: a library of another one is passed over.</param>
/// <param name="Machine">The architecture (e_machine).</param>
/// <param name="Interpreter">The dynamic linker (PT_INTERP); null for libraries and static programs.</param>
/// <param name="Needed">DT_NEEDED.</param>
/// <param name="Rpath">DT_RPATH: directories for what it loads, directly or not.</param>
/// <param name="Runpath">DT_RUNPATH: directories for what it needs itself; where it is, DT_RPATH does not count.</param>
internal sealed record ElfFile(bool Is64Bit, ushort Machine, string? Interpreter, IReadOnlyList<string> Needed, string? Rpath, string? Runpath)
{
    private const uint PT_LOAD = 1;
    private const uint PT_DYNAMIC = 2;
    private const uint PT_INTERP = 3;
    private const long DT_NULL = 0;
    private const long DT_NEEDED = 1;
    private const long DT_STRTAB = 5;
    private const long DT_STRSZ = 10;
    private const long DT_RPATH = 15;
    private const long DT_RUNPATH = 29;

    /// <summary>Larger tables are damage: the dynamic sections of the largest browsers have some 100 KiB of strings.</summary>
    private const ulong MaximumTable = 64 << 20;

    /// <summary>Reads a file.</summary>
    /// <returns>Null when it is no ELF file.</returns>
    /// <exception cref="ImageException">It is one, and damaged.</exception>
    public static ElfFile? TryRead(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        byte[] ident = new byte[64];
        int length = RandomAccess.Read(file, ident, 0);
        if (length < 20 || !ident.AsSpan().StartsWith("\x7f"u8) || !ident.AsSpan(1).StartsWith("ELF"u8))
        {
            return null;
        }

        if (ident[4] is not (1 or 2) || ident[5] != 1)
        {
            throw new ImageException($"\"{path}\" is an ELF file for a machine with another byte order.");
        }

        try
        {
            return new Reader(file, Is64Bit: ident[4] == 2).Read(ident);
        }
        catch (Exception exception) when (exception is ArgumentException or OverflowException or EndOfStreamException or IndexOutOfRangeException or InvalidOperationException)
        {
            throw new ImageException($"\"{path}\" is a damaged ELF file.", innerException: exception);
        }
    }

    private readonly record struct Segment(uint Type, ulong Offset, ulong Address, ulong Size);

    private sealed record Reader(SafeFileHandle File, bool Is64Bit)
    {
        public ElfFile Read(byte[] header)
        {
            ulong tableOffset = Word(header, Is64Bit ? 32 : 28);
            int entrySize = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(Is64Bit ? 54 : 42));
            int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(Is64Bit ? 56 : 44));
            byte[] table = Bytes(tableOffset, (ulong)(entrySize * count));
            Segment[] segments = [.. Enumerable.Range(0, count).Select(i => ReadSegment(table.AsSpan(i * entrySize, entrySize)))];

            string? interpreter = segments.FirstOrDefault(segment => segment.Type == PT_INTERP) is { Size: > 0 } named
                ? Text(Bytes(named.Offset, named.Size), 0)
                : null;
            ElfFile file = new(Is64Bit, BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(18)), interpreter, [], null, null);
            return segments.FirstOrDefault(segment => segment.Type == PT_DYNAMIC) is { Size: > 0 } dynamic
                ? ReadDynamic(file, Bytes(dynamic.Offset, dynamic.Size), segments)
                : file;
        }

        private Segment ReadSegment(ReadOnlySpan<byte> entry) => Is64Bit
            ? new(BinaryPrimitives.ReadUInt32LittleEndian(entry), Word(entry, 8), Word(entry, 16), Word(entry, 32))
            : new(BinaryPrimitives.ReadUInt32LittleEndian(entry), Word(entry, 4), Word(entry, 8), Word(entry, 16));

        private ElfFile ReadDynamic(ElfFile file, byte[] dynamic, Segment[] segments)
        {
            int width = Is64Bit ? 8 : 4;
            List<(long Tag, ulong Value)> entries = [];
            for (int i = 0; i + (2 * width) <= dynamic.Length && Word(dynamic, i) != DT_NULL; i += 2 * width)
            {
                entries.Add(((long)Word(dynamic, i), Word(dynamic, i + width)));
            }

            ulong? Value(long tag) => entries.Where(entry => entry.Tag == tag).Select(entry => (ulong?)entry.Value).FirstOrDefault();
            if (Value(DT_STRTAB) is not { } address)
            {
                return file;
            }

            // Dynamic entries hold addresses in memory; the segment that is loaded there says where in the file.
            Segment home = segments.First(segment => segment.Type == PT_LOAD && address >= segment.Address && address - segment.Address < segment.Size);
            byte[] strings = Bytes(home.Offset + (address - home.Address), Value(DT_STRSZ) ?? 0);
            return file with
            {
                Needed = [.. entries.Where(entry => entry.Tag == DT_NEEDED).Select(entry => Text(strings, entry.Value))],
                Rpath = Value(DT_RPATH) is { } rpath ? Text(strings, rpath) : null,
                Runpath = Value(DT_RUNPATH) is { } runpath ? Text(strings, runpath) : null,
            };
        }

        private ulong Word(ReadOnlySpan<byte> bytes, int offset) => Is64Bit
            ? BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..])
            : BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

        private byte[] Bytes(ulong offset, ulong size)
        {
            if (size > MaximumTable)
            {
                throw new OverflowException();
            }

            byte[] bytes = new byte[size];
            return RandomAccess.Read(File, bytes, checked((long)offset)) == bytes.Length ? bytes : throw new EndOfStreamException();
        }

        private static string Text(byte[] strings, ulong offset)
        {
            ReadOnlySpan<byte> rest = strings.AsSpan(checked((int)offset));
            return Encoding.UTF8.GetString(rest.IndexOf((byte)0) is >= 0 and var end ? rest[..end] : rest);
        }
    }
}
