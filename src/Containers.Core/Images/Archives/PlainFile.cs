using Containers.Storage;
using Microsoft.Win32.SafeHandles;

namespace Containers.Images.Archives;

/// <summary>Opens a file for random access; a compressed one is decompressed first.</summary>
internal static class PlainFile
{
    public static SafeFileHandle Open(string path, string name, StoreLayout layout, CancellationToken cancellation)
    {
        try
        {
            return File.OpenHandle(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"{name}: the file cannot be opened: {exception.Message}", innerException: exception);
        }
    }
}
