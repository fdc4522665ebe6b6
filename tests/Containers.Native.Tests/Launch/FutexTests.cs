using System.Runtime.InteropServices;
using Containers.Native;
using Xunit;

namespace Containers.Tests.Launch;

public sealed unsafe class FutexTests
{
    [Fact]
    public void Word_that_is_cleared_while_it_is_looked_at_is_not_waited_for()
    {
        const int Rounds = 500_000;
        uint* word = (uint*)NativeMemory.AllocZeroed(1, sizeof(uint));
        int round = 0;
        Thread clearer = new(() =>
        {
            for (int i = 1; i <= Rounds; i++)
            {
                while (Volatile.Read(ref round) < i)
                {
                }

                Thread.SpinWait(i % 41); // so that the two meet at every distance
                Volatile.Write(ref *word, 0);
                Kernel.futex_wake(word);
            }
        }) { IsBackground = true };
        Thread waiter = new(() =>
        {
            for (int i = 1; i <= Rounds; i++)
            {
                Volatile.Write(ref *word, 1);
                Volatile.Write(ref round, i);
                Thread.SpinWait(i % 37);
                Futex.WaitForZero(word);
            }
        }) { IsBackground = true };
        clearer.Start();
        waiter.Start();

        Assert.True(waiter.Join(TimeSpan.FromMinutes(2)), $"it waits for what has happened, in round {Volatile.Read(ref round)}");
        clearer.Join();
        NativeMemory.Free(word);
    }
}
