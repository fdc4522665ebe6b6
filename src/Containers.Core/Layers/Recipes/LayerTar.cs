using System.Globalization;
using System.Security.Cryptography;
using Containers.Native;
using Containers.UserNamespaces;

namespace Containers.Layers.Recipes;

/// <summary>
/// The tar of an unpacked layer, made again as it is read. All of it is hashed: at the end a tar that is not what it was when it
/// was unpacked is an error, and no end.
/// </summary>
internal sealed unsafe class LayerTar : ReadOnlyStream
{
    private readonly string _place;
    private readonly string _diffId;
    private readonly IDisposable? _held;
    private readonly PathHandle _root;
    private readonly RecipeReader _recipe;
    private readonly HashSet<int> _aside;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int _files = -1;
    private int _file = -1; // a descriptor
    private string _fileName = "";
    private long _literal;
    private long _zeros;
    private long _content;
    private long _offset;
    private long _position;
    private bool _lastStep;
    private bool _ended;

    /// <param name="place">The layer's directory, with the tree in root/.</param>
    /// <param name="diffId">The digest that the tar has to have.</param>
    /// <param name="length">The length that it has to have.</param>
    /// <param name="held">Disposed of with this.</param>
    /// <exception cref="LayerException">The layer has no recipe, or what is there is none.</exception>
    public LayerTar(string place, string diffId, long length, IDisposable? held)
    {
        (_place, _diffId, _held, Length) = (place, diffId, held, length);
        try
        {
            _root = PathHandle.OpenDirectory(place + "/root");
            try
            {
                _recipe = new RecipeReader($"{place}/{RecipeFormat.FileName}");
            }
            catch
            {
                _root.Dispose();
                throw;
            }
        }
        catch (FileNotFoundException exception)
        {
            throw new LayerException($"The tar of the layer {diffId} cannot be made again: how was not written down when it was unpacked, by an earlier version.",
                $"{nameof(ImageStore)}.Verify with repair removes the layer; pull or load the image again then.", exception);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException)
        {
            throw Damaged($"its recipe cannot be read: {exception.Message}", exception);
        }

        string aside = $"{place}/{RecipeFormat.AsideName}";
        _aside = Directory.Exists(aside) ? [.. Directory.EnumerateFiles(aside).Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))] : [];
    }

    /// <summary>The tar's length, known before it is read.</summary>
    public override long Length { get; }

    public override long Position
    {
        get => _position;
        set => throw new NotSupportedException();
    }

    /// <exception cref="LayerException">Something of the layer was changed or is damaged.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || _ended)
        {
            return 0;
        }

        try
        {
            using MappedRoot.Scope scope = SubordinateTrees.Enter();
            int count = 0;
            // Many headers and files are small: one call fills the whole buffer.
            while (count < buffer.Length)
            {
                if (_literal > 0)
                {
                    count += ReadLiteral(buffer[count..]);
                }
                else if (_content > 0)
                {
                    count += ReadContent(buffer[count..]);
                }
                else if (_zeros > 0)
                {
                    int zeros = (int)Math.Min(buffer.Length - count, _zeros);
                    buffer.Slice(count, zeros).Clear();
                    _zeros -= zeros;
                    count += zeros;
                }
                else if (!NextStep())
                {
                    break;
                }
            }

            _hash.AppendData(buffer[..count]);
            _position += count;
            if (count == 0)
            {
                End();
            }

            return count;
        }
        catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException)
        {
            throw Damaged($"its recipe is damaged: {exception.Message}", exception);
        }
    }

    protected override void Dispose(bool disposing)
    {
        CloseFile();
        _recipe.Dispose();
        _root.Dispose();
        _hash.Dispose();
        _held?.Dispose();
        base.Dispose(disposing);
    }

    private void End()
    {
        string diffId = "sha256:" + Convert.ToHexStringLower(_hash.GetHashAndReset());
        _ended = diffId == _diffId && _position == Length ? true : throw Damaged($"its files make a tar of {_position} bytes with the digest {diffId}, and there were {Length} bytes", null);
    }

    private int ReadLiteral(Span<byte> buffer)
    {
        int count = _recipe.Read(buffer[..(int)Math.Min(buffer.Length, _literal)]);
        _literal -= count > 0 ? count : throw new InvalidDataException("it ends in the middle");
        return count;
    }

    private int ReadContent(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            long count = Kernel.Check(Kernel.Call(SystemCall.pread64, _file, (long)bytes, Math.Min(buffer.Length, _content), _offset), "read", _fileName);
            if (count == 0)
            {
                throw Damaged($"the file \"{_fileName}\" is shorter than it was", null);
            }

            _content -= count;
            _offset += count;
            return (int)count;
        }
    }

    // False at the end.
    private bool NextStep()
    {
        if (_lastStep)
        {
            return false;
        }

        (int kind, long value) = _recipe.Next();
        switch (kind)
        {
            case RecipeFormat.Literal:
                _literal = value;
                return true;
            case RecipeFormat.File:
                byte[] path = _recipe.ReadPath(value);
                OpenFile(path);
                (_content, _offset) = (_recipe.ReadNumber(), 0);
                return true;
            case RecipeFormat.Part:
                (_content, _offset) = (_recipe.ReadNumber(), value);
                return _file >= 0 ? true : throw new InvalidDataException("a part is of no file");
            case var _ when (value & 1) == 0:
                _zeros = value >> 1;
                return true;
            default:
                _lastStep = true;
                return false;
        }
    }

    private void OpenFile(byte[] path)
    {
        CloseFile();
        _fileName = PathText.Show(path);
        _files++;
        byte[] name = _aside.Contains(_files) ? System.Text.Encoding.ASCII.GetBytes($"{_place}/{RecipeFormat.AsideName}/{_files}\0") : [.. path, 0];
        fixed (byte* bytes = name)
        {
            // Never waits for a fifo, never follows a link: the tree may have been changed by whoever could.
            int descriptor = name[0] == '/'
                ? Kernel.openat(Kernel.AT_FDCWD, bytes, Kernel.O_RDONLY | Kernel.O_NOFOLLOW | Kernel.O_NONBLOCK)
                : Kernel.openat2(_root.Descriptor, bytes, Kernel.O_RDONLY | Kernel.O_NOFOLLOW | Kernel.O_NONBLOCK, 0, Kernel.RESOLVE_BENEATH | Kernel.RESOLVE_NO_SYMLINKS);
            if ((Errno)(-descriptor) is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.ENXIO)
            {
                throw Damaged($"the file \"{_fileName}\" is not there", null);
            }

            _file = (int)Kernel.Check(descriptor, "open", _fileName);
            Kernel.statx_t status;
            byte empty = 0;
            Kernel.Check(Kernel.statx(_file, &empty, Kernel.AT_EMPTY_PATH, Kernel.STATX_BASIC_STATS, &status), "stat", _fileName);
            if (status.Type != Kernel.S_IFREG)
            {
                throw Damaged($"\"{_fileName}\" is no file any more", null);
            }
        }
    }

    private void CloseFile()
    {
        if (_file >= 0)
        {
            _ = Kernel.close(_file);
            _file = -1;
        }
    }

    private LayerException Damaged(string what, Exception? inner)
        => new($"The layer {_diffId} in the store was changed or is damaged: {what}.", $"{nameof(ImageStore)}.Verify with repair removes the layer; pull or load the image again then.", inner);
}
