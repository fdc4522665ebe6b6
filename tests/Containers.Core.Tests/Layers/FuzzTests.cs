using Containers.Native;
using CsCheck;
using Containers.Layers;
using Xunit;

namespace Containers.Tests.Layers;

/// <summary>
/// Real archives with bytes changed, cut, doubled and swapped: whatever comes of it, it is a tree in the root or a clear
/// error, never another exception and never anything outside. CsCheck_Seed and CsCheck_Time repeat and prolong it.
/// </summary>
public sealed class FuzzTests : IClassFixture<HostState>
{
    private const int Iterations = 4000;

    private static readonly Gen<(int Kind, int At, int Other, byte Value)[]> s_mutations =
        Gen.Select(Gen.Int[0, 8], Gen.Int[0, int.MaxValue], Gen.Int[0, int.MaxValue], Gen.Byte).Array[1, 6];

    [Fact]
    public void No_archive_does_more_than_fail()
    {
        Requires.Root();
        using TestDirectory directory = new();
        byte[][] seeds = [.. Seeds(directory)];
        File.WriteAllText(directory["canary"], "as before");
        Directory.CreateDirectory(directory["outside/deep"]);
        IReadOnlyList<string> before = Unpacking.Outside(directory);
        int unpacked = 0;
        int count = 0;
        Directory.CreateDirectory(directory["root"]);
        Tool.Run("mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", directory["root"]);
        try
        {
            Gen.Select(Gen.Int[0, seeds.Length - 1], s_mutations).Sample((seed, mutations) =>
            {
                byte[] archive = Mutate(seeds[seed], mutations);
                string root = directory[$"root/{Interlocked.Increment(ref count)}"];
                try
                {
                    Unpacking.Unpack(archive, root);
                    unpacked++;
                }
                catch (Exception exception) when (exception is LayerException or KernelException)
                {
                    Assert.NotEmpty(exception.Message);
                }

                Remove(root);
            }, iter: Iterations, threads: 1);
        }
        finally
        {
            Tool.Run("umount", directory["root"]);
        }

        Assert.Equal(before, Unpacking.Outside(directory));
        Assert.InRange(unpacked, Iterations / 20, int.MaxValue); // a good part still are archives
    }

    private static unsafe void Remove(string root)
    {
        fixed (byte* name = Native.CString.Bytes(root))
        {
            Assert.Equal(0, Tree.Remove(Native.Kernel.AT_FDCWD, name));
        }
    }

    private static byte[] Mutate(byte[] archive, (int Kind, int At, int Other, byte Value)[] mutations)
    {
        byte[] bytes = [.. archive];
        foreach ((int kind, int at, int other, byte value) in mutations)
        {
            if (bytes.Length < 1024)
            {
                break;
            }

            int position = at % bytes.Length;
            int block = at % (bytes.Length / 512) * 512;
            int second = other % (bytes.Length / 512) * 512;
            switch (kind)
            {
                case 0:
                    bytes[position] = value;
                    break;
                case 1: // in a header, with a checksum that is right
                    bytes[block + other % 345] = value;
                    break;
                case 2:
                    bytes[block + 156] = (byte)"0123456789SLKxgDMV\0"[value % 19];
                    break;
                case 3:
                    ReadOnlySpan<byte> name = (value % 6) switch { 0 => "../x"u8, 1 => "/"u8, 2 => ".wh.f"u8, 3 => "link/../../x"u8, 4 => "d/.wh..wh..opq"u8, _ => "link/f"u8 };
                    bytes.AsSpan(block, 100).Clear();
                    name.CopyTo(bytes.AsSpan(block + (other % 2 * 157)));
                    break;
                case 4:
                    Array.Resize(ref bytes, position);
                    break;
                case 5:
                    (bytes.AsSpan(block, 512).ToArray()).CopyTo(bytes, second);
                    break;
                case 6:
                    bytes = [.. bytes.AsSpan(0, block), .. bytes.AsSpan(second)];
                    break;
                case 7:
                    bytes.AsSpan(block, 512).Fill(value);
                    break;
                default:
                    TarWriter.Latin1(Convert.ToString(other, 8)).AsSpan(0, Math.Min(11, Convert.ToString(other, 8).Length)).CopyTo(bytes.AsSpan(block + 124));
                    break;
            }

            // What happens behind a wrong checksum is known: mostly make them right.
            if (value % 8 != 0 && block + 512 <= bytes.Length && kind is 1 or 2 or 3 or 8)
            {
                byte[] header = bytes.AsSpan(block, 512).ToArray();
                TarWriter.Checksum(header);
                header.CopyTo(bytes, block);
            }
        }

        return bytes;
    }

    private static IEnumerable<byte[]> Seeds(TestDirectory directory)
    {
        Tool.Bash($"""
            mkdir '{directory["t"]}' && cd '{directory["t"]}' && mkdir -p d/e/g && echo f > f && echo f > d/f && ln f h && ln -s /d link && ln -s .. d/up && mkfifo p && mknod n c 1 3 && : > .wh.gone && : > d/.wh..wh..opq
            echo long > d/$(printf 'n%.0s' $(seq 180)); setfattr -n user.x -v 0x0a00 f; truncate -s 100k s; printf x | dd of=s bs=1 seek=50000 conv=notrunc status=none; head -c 3000 /dev/urandom > r
            """);
        foreach (string options in new[] { "--format=posix --xattrs --xattrs-include=*", "--format=gnu --sparse", "--format=posix --sparse", "--format=posix --sparse --sparse-version=0.1", "--format=ustar --exclude=*nnn*", "--format=oldgnu --sparse" })
        {
            Tool.Bash($"set -f; tar {options} -b 1 -C '{directory["t"]}' -cf '{directory["seed"]}' .");
            yield return File.ReadAllBytes(directory["seed"]);
        }

        foreach (string program in new[] { "gzip", "zstd", "xz" })
        {
            yield return Encode(program);
        }

        byte[] Encode(string program)
        {
            Tool.Bash($"{program} -c '{directory["seed"]}' > '{directory["seed"]}.c'");
            return File.ReadAllBytes(directory["seed"] + ".c");
        }
    }
}
