using Containers.Native;
using Containers.Storage;

namespace Containers.Layers.Recipes;

/// <summary>A new file of the store as a stream; unlike a FileStream it tells the kernel's error number.</summary>
internal sealed class FileWriter(string path) : Stream
{
    private readonly PathHandle _file = PathHandle.Open(path, Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_EXCL | Kernel.O_NOFOLLOW, 0x180 /* 0600 */);
    private bool _abandoned;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Takes what is written from here on, and does nothing with it.</summary>
    public void Abandon() => _abandoned = true;

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (!_abandoned)
        {
            StoreFiles.Write(_file.Descriptor, buffer, path);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        base.Dispose(disposing);
    }
}
