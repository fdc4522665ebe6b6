namespace Containers.Native;

/// <summary>Waiting for a word in memory that is shared with a child: futex(2).</summary>
internal static unsafe class Futex
{
    /// <summary>Waits until a word is zero; who clears it wakes us, as the kernel does for a child that ends (CLONE_CHILD_CLEARTID).</summary>
    public static void WaitForZero(uint* word)
    {
        // The word is read once each time. To read it again for the kernel to compare with would be to ask, now and then, to be
        // woken when it is no longer zero.
        for (uint value = Volatile.Read(ref *word); value != 0; value = Volatile.Read(ref *word))
        {
            Kernel.futex_wait(word, value);
        }
    }
}
