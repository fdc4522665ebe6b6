namespace Containers.Native;

/// <summary>How many bytes may be read from several pipes together.</summary>
/// <param name="limit">So many, and not one more.</param>
/// <param name="exceeded">Called once, on the reader's thread, when there is one more.</param>
internal sealed class ReadBudget(long limit, Action exceeded)
{
    private readonly Lock _gate = new();
    private long _left = limit;

    /// <summary>Whether something was read that is not handed on.</summary>
    public bool Exceeded { get; private set; }

    /// <summary>Counts what was read.</summary>
    /// <returns>How much of it may be handed on.</returns>
    public int Take(int count)
    {
        lock (_gate)
        {
            if (count <= _left)
            {
                _left -= count;
                return count;
            }

            count = (int)_left;
            _left = 0;
            if (Exceeded)
            {
                return count;
            }

            Exceeded = true;
        }

        exceeded();
        return count;
    }
}
