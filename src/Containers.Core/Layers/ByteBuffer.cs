namespace Containers.Layers;

/// <summary>Bytes that grow and are used again for every entry: names are no strings, and a NUL always follows for the kernel.</summary>
internal sealed class ByteBuffer
{
    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    /// <summary>The first byte, for a <c>fixed</c> statement: what follows ends with a NUL.</summary>
    public ref byte GetPinnableReference() => ref _bytes[0];

    public void Clear()
    {
        Length = 0;
        _bytes[0] = 0;
    }

    public void Set(ReadOnlySpan<byte> bytes)
    {
        Length = 0;
        Append(bytes);
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Grow(bytes.Length));
    }

    public void Append(byte value) => Grow(1)[0] = value;

    /// <summary>Makes it shorter.</summary>
    public void Truncate(int length)
    {
        Length = length;
        _bytes[length] = 0;
    }

    /// <summary>Adds room and returns it, for the caller to fill.</summary>
    public Span<byte> Grow(int count)
    {
        int needed = checked(Length + count + 1);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(needed, (int)Math.Min(Array.MaxLength, _bytes.Length * 2L)));
        }

        Span<byte> room = _bytes.AsSpan(Length, count);
        Length += count;
        _bytes[Length] = 0;
        return room;
    }
}
