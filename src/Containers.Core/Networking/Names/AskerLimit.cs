using System.Net;

namespace Containers.Networking;

/// <summary>How much may be under way at once, for all and for each: one container that asks without end leaves room for the others.</summary>
internal sealed class AskerLimit(int all, int each)
{
    private readonly Dictionary<IPAddress, int> _counts = [];
    private int _count;

    /// <returns>False when there is no room now. Otherwise <see cref="Leave"/> has to follow.</returns>
    public bool TryEnter(IPAddress asker)
    {
        lock (_counts)
        {
            int own = _counts.GetValueOrDefault(asker);
            if (_count >= all || own >= each)
            {
                return false;
            }

            _counts[asker] = own + 1;
            _count++;
            return true;
        }
    }

    public void Leave(IPAddress asker)
    {
        lock (_counts)
        {
            _count--;
            if (--_counts[asker] is 0)
            {
                _counts.Remove(asker);
            }
        }
    }
}
