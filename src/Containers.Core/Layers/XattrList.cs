namespace Containers.Layers;

/// <summary>Extended attributes of one entry, in one buffer that is used again.</summary>
internal sealed class XattrList
{
    private readonly List<(int Name, int NameLength, int Value, int ValueLength)> _items = [];
    private readonly ByteBuffer _bytes = new();

    public int Count => _items.Count;

    /// <summary>The name; a NUL follows it in memory.</summary>
    public ReadOnlySpan<byte> Name(int index) => _bytes.Span.Slice(_items[index].Name, _items[index].NameLength);

    public ReadOnlySpan<byte> Value(int index) => _bytes.Span.Slice(_items[index].Value, _items[index].ValueLength);

    public void Clear()
    {
        _items.Clear();
        _bytes.Clear();
    }

    /// <summary>Adds one, or gives the one of that name another value.</summary>
    public void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        for (int i = 0; i < _items.Count; i++)
        {
            if (Name(i).SequenceEqual(name))
            {
                _items.RemoveAt(i);
                break;
            }
        }

        int at = _bytes.Length;
        _bytes.Append(name);
        _bytes.Append((byte)0);
        _bytes.Append(value);
        _items.Add((at, name.Length, at + name.Length + 1, value.Length));
    }

    /// <summary>A copy to keep.</summary>
    public (byte[] Name, byte[] Value)[] ToArray()
    {
        (byte[], byte[])[] copy = new (byte[], byte[])[_items.Count];
        for (int i = 0; i < copy.Length; i++)
        {
            copy[i] = ([.. Name(i), 0], Value(i).ToArray());
        }

        return copy;
    }
}
